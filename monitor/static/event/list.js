// The list of anomalies, sensor faults and long shifts of one room, newest first, page by page.

import { fetchEvents } from "../shell/api.js";
import { element } from "../shell/dom.js";
import { EventRow } from "./row.js";

const PAGE = 20;
const MOVED_MS = 300; // the list waits until a drag is over
const FILTERS = { "": "All kinds", anomalous: "Anomalies", sensor_fault: "Sensor faults", advisory: "Long shifts", namesake: "Namesakes" };

export class EventList {
  #events = new Map(); // epoch and id to event
  #rows = [];
  #newestMs = 0;
  #asked = 0; // the last answer wins
  #moved = null;
  #list = element("ol", { class: "events", "data-testid": "events" });

  /** `window()` gives [from, to] of what the charts show. */
  constructor(id, window) {
    Object.assign(this, { id, window });
    this.kind = element("select", { id: "events-kind", "data-testid": "events-kind" }, ...Object.entries(FILTERS).map(([value, name]) => element("option", { value }, name)));
    this.only = element("input", { type: "checkbox", id: "events-shown", "data-testid": "events-shown" });
    this.older = element("button", { type: "button", class: "quiet", "data-testid": "events-older", hidden: true }, "Older events");
    this.node = element("section", { class: "card event-list", "aria-labelledby": "events-title" },
      element("header", { class: "list-head" }, element("h2", { id: "events-title" }, "Events"),
        element("div", { class: "filters" },
          element("label", { class: "check", for: "events-shown" }, this.only, "Only in the stretch shown"),
          element("label", { class: "hidden", for: "events-kind" }, "Kind of event"), this.kind)),
      this.#list, this.older);
    for (const one of [this.kind, this.only]) one.addEventListener("change", () => this.#anew().catch(() => {}));
    this.older.addEventListener("click", () => this.#more().catch(() => {}));
  }

  /** The newest of what is wanted. */
  async load() {
    const first = this.#events.size === 0;
    const { length } = await this.#fetch({});
    if (first) this.older.hidden = length < PAGE;
  }

  /** News of events from the live stream. */
  add(events) {
    this.#merge(events.filter((event) => this.#isWanted(event)));
  }

  /** The charts show another stretch. */
  moved() {
    if (!this.only.checked) return;
    clearTimeout(this.#moved);
    this.#moved = setTimeout(() => this.#anew().catch(() => {}), MOVED_MS);
  }

  /** The time of the newest record: so long an open event has lasted. */
  tick(newestMs) {
    this.#newestMs = newestMs ?? 0;
    for (const row of this.#rows) row.tick(this.#newestMs);
  }

  destroy() {
    clearTimeout(this.#moved);
    this.#asked += 1;
  }

  async #anew() {
    const { length } = await this.#fetch({}, () => this.#events.clear());
    this.older.hidden = length < PAGE;
  }

  async #more() {
    const oldest = Math.min(...[...this.#events.values()].map((event) => event.onset_ms));
    const had = this.#rows.length;
    const { length } = await this.#fetch({ before_ms: oldest + 1 }); // those of that very moment again: there may be more
    this.older.hidden = length < PAGE || this.#rows.length === had;
    this.#rows[had]?.focus();
  }

  async #fetch(other, first = () => {}) {
    this.#asked += 1;
    const mine = this.#asked;
    const { events } = await fetchEvents(this.id, { limit: PAGE, ...this.#wanted(), ...other });
    if (mine !== this.#asked) return new Array(PAGE); // as if there were more: the later answer tells
    first();
    this.#merge(events);
    return events;
  }

  #wanted() {
    const [from, to] = this.window();
    return {
      ...(this.kind.value ? { kind: this.kind.value } : {}),
      ...(this.only.checked ? { from_ms: Math.floor(from), to_ms: Math.ceil(to) } : {}),
    };
  }

  #isWanted(event) {
    if (this.kind.value && event.state !== this.kind.value) return false;
    const [from, to] = this.window();
    return !this.only.checked || (event.onset_ms <= to && (event.end_ms ?? event.ts_ms) >= from);
  }

  #merge(events) {
    for (const event of events) {
      const known = this.#events.get(keyOf(event));
      if (!known || event.seq >= known.seq) this.#events.set(keyOf(event), event);
    }
    this.#draw();
  }

  #draw() {
    const events = [...this.#events.values()].sort((one, other) => other.onset_ms - one.onset_ms || other.id - one.id);
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.#rows = events.map((event) => new EventRow(this.id, event, this.#newestMs));
    const none = this.kind.value || this.only.checked ? "No such event" : "Nothing strange has been reported";
    this.#list.replaceChildren(...(this.#rows.length ? this.#rows.map((row) => row.node) : [element("li", { class: "none" }, none)]));
    if (focused) this.#rows.find((row) => row.key === focused)?.focus();
  }
}

/** What names an event of a room. */
export function keyOf(event) {
  return `${event.epoch}/${event.id}`;
}
