// One event in a list: its sentence and the few facts by which a person knows it again; a link to its own view.

import { element, setText } from "../shell/dom.js";
import { liveBadge } from "../feedback/feedback.js";
import { duration, fullTime, time } from "../words/format.js";
import { KINDS, worst } from "./headline.js";
import { eventHash } from "../shell/links.js";

// no record shows them
const APART = new Set(["advisory", "namesake"]);

export class EventRow {
  #lasting = null; // of one that is open

  constructor(id, event, newestMs) {
    this.event = event;
    this.key = `${event.epoch}/${event.id}`;
    this.link = element("a", { href: eventHash(id, event), class: "event", "data-testid": "event-row", "data-key": this.key, "data-state": event.state, "data-open": String(Boolean(event.open)) },
      element("span", { class: "mark", "aria-hidden": "true" }),
      element("span", { class: "sentence" }, event.why || `${KINDS[event.state]} without a sentence`),
      element("span", { class: "facts" },
        element("span", { class: "kind" }, event.open ? `${KINDS[event.state]}, still open` : KINDS[event.state]),
        element("time", { datetime: new Date(event.onset_ms).toISOString(), title: fullTime(event.onset_ms) }, time(event.onset_ms)),
        this.#length(),
        worst(event) && element("span", {}, worst(event)),
        event.sim ? element("span", {}, "simulated") : null,
        liveBadge(id, event)));
    this.node = element("li", {}, this.link);
    this.tick(newestMs);
  }

  tick(newestMs) {
    if (this.#lasting) setText(this.#lasting, `for ${duration(newestMs - this.event.onset_ms)} so far`);
  }

  focus() {
    this.link.focus({ preventScroll: true });
  }

  #length() {
    const { event } = this;
    if (event.end_ms !== null) return element("span", {}, `lasted ${duration(event.end_ms - event.onset_ms)}`);
    if (!event.open) return element("span", {}, APART.has(event.state) ? "end not reported" : "calm again");
    this.#lasting = element("span", {});
    return this.#lasting;
  }
}
