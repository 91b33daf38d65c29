// The list of anomalies, sensor faults and long shifts of one room, newest first.

import { fetchEvents } from "./api.js";
import { element, setText } from "./dom.js";
import { duration, fullTime, score, time } from "./format.js";

// no record shows them
const APART = new Set(["advisory", "namesake"]);
const WORDS = { anomalous: "anomaly", sensor_fault: "sensor fault", advisory: "long shift", namesake: "two devices, one name" };

export class EventList {
  #events = new Map(); // epoch and id to event
  #lasting = []; // {node, onsetMs} of what is still open
  #newestMs = 0;
  #list = element("ol", { class: "events", "data-testid": "events" });

  /** `onChoose(event)` is called when a person wants to see one in the charts. */
  constructor(id, onChoose) {
    this.id = id;
    this.onChoose = onChoose;
    this.node = element("section", { class: "card", "aria-labelledby": "events-title" },
      element("h2", { id: "events-title" }, "Events"), this.#list);
  }

  async load() {
    const { events } = await fetchEvents(this.id);
    this.#merge(events);
  }

  /** News of events from the live stream. */
  add(events) {
    this.#merge(events);
  }

  #merge(events) {
    for (const event of events) {
      const known = this.#events.get(keyOf(event));
      if (!known || event.seq >= known.seq) this.#events.set(keyOf(event), event);
    }
    this.draw();
  }

  /** The time of the newest record: so long an open event has lasted. */
  tick(newestMs) {
    this.#newestMs = newestMs ?? 0;
    for (const { node, onsetMs } of this.#lasting) setText(node, this.#soFar(onsetMs));
  }

  #soFar(onsetMs) {
    return `for ${duration(this.#newestMs - onsetMs)} so far`;
  }

  draw() {
    this.#lasting = [];
    const events = [...this.#events.values()].sort((one, other) => other.onset_ms - one.onset_ms || other.id - one.id);
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const rows = events.map((event) => this.#row(event));
    if (rows.length === 0) rows.push(element("li", { class: "none" }, "Nothing strange has been reported"));
    this.#list.replaceChildren(...rows);
    if (focused) [...this.#list.querySelectorAll("button")].find((button) => button.dataset.key === focused)?.focus({ preventScroll: true });
  }

  #row(event) {
    const button = element("button", { type: "button", class: "event", "data-testid": "event-row", "data-key": keyOf(event), "data-state": event.state, "data-open": event.open },
      element("span", { class: "mark", "aria-hidden": "true" }),
      element("span", { class: "sentence" }, event.why || `${WORDS[event.state]} without a sentence`),
      element("span", { class: "facts" },
        element("span", { class: "kind" }, event.open ? `${WORDS[event.state]}, still open` : WORDS[event.state]),
        element("time", { datetime: isoTime(event.onset_ms), title: fullTime(event.onset_ms) }, time(event.onset_ms)),
        this.#length(event),
        // an advisory's score is no alarm's, and its sentence says how far and from where
        event.score === null || event.state === "advisory" ? null : element("span", {}, `worst score ${score(event.score)}`),
        event.sim ? element("span", {}, "simulated") : null));
    button.addEventListener("click", () => this.onChoose(event));
    return element("li", {}, button);
  }

  #length(event) {
    if (event.end_ms !== null) return element("span", {}, `lasted ${duration(event.end_ms - event.onset_ms)}`);
    if (!event.open) return element("span", {}, APART.has(event.state) ? "end not reported" : "calm again");
    const node = element("span", {}, this.#soFar(event.onset_ms));
    this.#lasting.push({ node, onsetMs: event.onset_ms });
    return node;
  }
}

function isoTime(ms) {
  return new Date(ms).toISOString();
}

function keyOf(event) {
  return `${event.epoch}/${event.id}`;
}
