// One event: what was seen against what was expected, who is to blame, what was around it, and what was like it.

import { fetchEvent } from "../shell/api.js";
import { blameTable } from "./blame.js";
import { channelsOf } from "../words/channels.js";
import { element, setText } from "../shell/dom.js";
import { EventRow } from "./row.js";
import { feedbackFor } from "../feedback/feedback.js";
import { exactTime, score } from "../words/format.js";
import { headline, KINDS, spoken } from "./headline.js";
import { eventHash, roomHash } from "../shell/links.js";
import { Timeline } from "../timeline/timeline.js";

const AIR = 0.5; // of the event's length is shown before and after it
const AIR_LEAST_MS = 300_000;
const AIR_PERIODS = 40;

export class EventView {
  #found = null; // {event, similar, older, newer}

  constructor(device, route) {
    this.device = device;
    this.place = { epoch: route.epoch, id: route.number };
    this.query = route.query;
    this.timeline = null;
    this.events = { add: (events) => this.#hear(events) };
    this.sentence = element("h1", { "data-testid": "event-sentence" });
    this.kind = element("p", { class: "state" });
    this.why = element("p", { class: "why", "data-testid": "event-why" });
    this.facts = element("dl", { class: "event-facts" });
    this.blame = element("div", { class: "blame-place" });
    this.charts = element("div", {});
    this.like = element("div", {});
    this.beside = element("nav", { class: "beside-events", "aria-label": "Events before and after" });
    this.node = element("article", { class: "room event-view", "data-testid": "event-view" },
      element("div", { class: "trail" }, element("a", { class: "up", href: roomHash(device.id), "data-testid": "event-room" }, `← ${device.id}`), this.beside),
      element("header", { class: "card head", "data-testid": "event-head" }, this.kind, this.sentence, this.why, this.facts),
      this.blame, this.charts, feedbackFor(device.id, this.place), this.like);
  }

  async load() {
    const found = await fetchEvent(this.device.id, this.place);
    const first = this.#found === null;
    this.#found = found;
    this.#fill();
    if (first) this.#openCharts();
    await this.timeline.load();
  }

  update(device) {
    this.device = device;
    this.timeline?.update(device);
    if (this.#found) this.#fillHead();
  }

  follow(route) {
    if ([...route.query].length > 0) this.timeline?.follow(route.query);
    else this.timeline?.follow(new URLSearchParams(this.#around()));
  }

  addRecords(records) {
    this.timeline?.addRecords(records);
  }

  draw() {
    this.timeline?.draw();
  }

  repaint() {
    this.timeline?.repaint();
  }

  destroy() {
    this.timeline?.destroy();
  }

  get #lastMs() {
    return this.device.newest?.ts_ms ?? null;
  }

  /** The end, or so far as is known. */
  get #endMs() {
    const { event } = this.#found;
    return event.end_ms ?? Math.max(event.open ? this.#lastMs ?? 0 : 0, event.ts_ms);
  }

  #hear(events) {
    const news = events.find((event) => event.epoch === this.place.epoch && event.id === this.place.id);
    if (!news || !this.#found) return;
    Object.assign(this.#found.event, news);
    this.#fill();
    if (!this.timeline) return;
    this.timeline.mark = this.#mark;
    this.timeline.draw();
  }

  get #mark() {
    return [this.#found.event.onset_ms, this.#endMs];
  }

  #around() {
    const { event } = this.#found;
    const air = Math.max(AIR * (this.#endMs - event.onset_ms), AIR_LEAST_MS, AIR_PERIODS * 1000 * (this.device.info?.period_s ?? 0));
    return { from: Math.floor(event.onset_ms - air), to: Math.ceil(this.#endMs + air) };
  }

  #openCharts() {
    const given = [...this.query].length > 0;
    this.timeline = new Timeline(this.device, given ? this.query : new URLSearchParams(this.#around()), {
      hash: (query) => eventHash(this.device.id, this.place, query),
      mark: this.#mark,
    });
    this.charts.replaceChildren(this.timeline.node);
  }

  #fill() {
    this.#fillHead();
    this.#fillBlame();
    this.#fillBeside();
    this.#fillLike();
  }

  #fillHead() {
    const { event } = this.#found;
    const sentence = headline(event, channelsOf(this.device), this.#lastMs);
    setText(this.sentence, sentence);
    setText(this.why, event.why && !sentence.startsWith(event.why) ? event.why : "");
    this.node.dataset.state = event.state;
    this.node.dataset.open = String(Boolean(event.open));
    if (!this.kind.firstChild) this.kind.append(element("span", { class: "mark", "aria-hidden": "true" }), element("span", { class: "word" }));
    this.kind.dataset.state = event.state;
    setText(this.kind.lastChild, event.open ? `${KINDS[event.state]}, still open` : KINDS[event.state]);
    const facts = Object.entries(factsOf(event, this.#lastMs)).filter(([, text]) => text);
    const made = JSON.stringify(facts);
    if (made === this.facts.dataset.made) return;
    this.facts.dataset.made = made;
    this.facts.replaceChildren(...facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
  }

  #fillBlame() {
    const { event } = this.#found;
    const channels = channelsOf(this.device).filter(({ key }) => event.observed[key] != null || event.expected[key] != null || event.share[key] != null);
    this.blame.replaceChildren(...(channels.length ? [blameTable(event, channels)] : []));
  }

  #fillBeside() {
    const { older, newer } = this.#found;
    const focused = document.activeElement?.dataset.beside;
    this.beside.replaceChildren(...[["older", older, "‹ Previous event"], ["newer", newer, "Next event ›"]].map(([name, event, text]) => (event
      ? element("a", { href: eventHash(this.device.id, event), class: "quiet", "data-beside": name, "data-testid": `event-${name}` }, text)
      : element("span", { class: "quiet", "aria-disabled": "true" }, text))));
    if (focused) this.beside.querySelector(`[data-beside="${focused}"]`)?.focus({ preventScroll: true });
  }

  #fillLike() {
    const { similar, event } = this.#found;
    if (event.state === "namesake") return;
    const rows = similar.map((one) => new EventRow(this.device.id, { ...one, open: false, sim: event.sim && one.sim }, 0).node);
    this.like.replaceChildren(element("section", { class: "card event-list", "aria-labelledby": "similar-title" },
      element("h2", { id: "similar-title" }, "Similar events before"),
      element("p", { class: "note" }, rows.length ? "The same channel and direction; the nearest in worst score and length first." : "None: nothing of the same kind, channel and direction was about as strong and as long."),
      element("ol", { class: "events", "data-testid": "similar" }, ...rows)));
  }
}

function factsOf(event, lastMs) {
  const lasted = event.end_ms !== null ? spoken(event.end_ms - event.onset_ms) : event.open && lastMs ? `${spoken(lastMs - event.onset_ms)} so far` : "end not reported";
  return {
    "Worst score": event.score === null || event.state === "advisory" ? "" : `${score(event.score)}, alarm at 1.0`,
    Began: exactTime(event.onset_ms),
    Ended: event.end_ms === null ? "" : exactTime(event.end_ms),
    Lasted: lasted,
    Model: event.model ?? "no model",
    Source: event.sim ? "simulated" : "a real sensor",
  };
}
