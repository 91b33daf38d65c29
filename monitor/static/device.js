// One room: how it is in a sentence, its newest values, charts, events, and what came of its records.

import { fetchSeries } from "./api.js";
import { channelsOf, title } from "./channels.js";
import { Charts } from "./charts.js";
import { CONDITIONS, conditionOf } from "./conditions.js";
import { element, setText } from "./dom.js";
import { EventList } from "./events.js";
import { number, score, time } from "./format.js";
import { about, expectation, health, heard, ledger } from "./sentences.js";
import { Series } from "./series.js";

export const RANGES = [
  { name: "2 min", ms: 120_000 },
  { name: "10 min", ms: 600_000 },
  { name: "1 h", ms: 3_600_000 },
  { name: "1 day", ms: 86_400_000 },
  { name: "all", ms: null },
];
const FIRST_RANGE = RANGES[1];
const POINTS = 600;
const LEAST_PART = 20; // of a range is shown even when the room is younger
const ROWS_MOST = 6000; // then the thinned-out series is fetched again
const RECENT_MOST = 300;
const RELOAD_AFTER_MS = 1000;

export class DeviceView {
  #series = null;
  #recent = []; // the newest live records, which an answer under way may not have yet
  #range = FIRST_RANGE;
  #zoom = null; // [from, to] of a stretch that was chosen, which does not move
  #firstMs = null; // the time of the very first record, when it is younger than the range
  #reload = null;
  #charts = null;
  #channels = "";
  #gone = false;

  constructor(device) {
    this.device = device;
    this.events = new EventList(device.id, (event) => this.#showEvent(event));
    this.#build();
  }

  /** Fetch charts and events. */
  async load() {
    this.#makeCharts();
    await Promise.all([this.#loadSeries(), this.events.load()]);
  }

  /** The device's newest summary. */
  update(device, nowMs) {
    const was = this.device.newest?.state;
    this.device = device;
    const condition = conditionOf(device, nowMs);
    this.node.dataset.condition = condition;
    this.state.dataset.condition = condition;
    setText(this.word, CONDITIONS[condition].word);
    const trusted = condition === device.newest?.state;
    setText(this.why, (trusted && device.newest.why) || CONDITIONS[condition].sentence);
    setText(this.about, about(device));
    setText(this.heard, heard(device, nowMs));
    this.events.tick(device.newest?.ts_ms);
    this.#makeCharts();
    this.#fillNumbers();
    setText(this.ledger, ledger(device.counts, device.journals));
    setText(this.health, health(device.health));
    // An agent that was switched off in an event's middle never tells its end; the monitor knows better.
    if (was && was !== device.newest?.state) this.events.load().catch(() => {});
  }

  addRecords(records) {
    this.#recent = [...this.#recent, ...records].slice(-RECENT_MOST);
    if (!this.#series || this.#zoom) return;
    const late = records.filter((record) => !this.#series.append(record));
    if (late.length > 0 || this.#series.ts.length > ROWS_MOST) this.#reloadSoon();
    if (this.#range.ms !== null) this.#series.trim(this.#series.lastMs - this.#range.ms);
    this.draw();
  }

  draw() {
    if (!this.#series || document.hidden) return;
    const end = this.#series.lastMs ?? Date.now();
    const from = this.#left(end);
    const [left, right] = this.#zoom ?? [from, Math.max(end, from + 1000)];
    this.#charts.show(this.#series, left, right);
  }

  /** Where the charts begin: a young room is not shown beside a stretch when it was not there. */
  #left(end) {
    const { ms } = this.#range;
    if (ms === null) return this.#series.ts[0] ?? end - FIRST_RANGE.ms;
    return Math.min(Math.max(end - ms, this.#firstMs ?? 0), end - ms / LEAST_PART);
  }

  repaint() {
    this.#charts?.repaint();
  }

  destroy() {
    this.#gone = true;
    clearTimeout(this.#reload);
    this.#charts?.destroy();
  }

  #build() {
    this.word = element("span", { class: "word", "data-testid": "condition" });
    this.state = element("p", { class: "state" }, element("span", { class: "mark", "aria-hidden": "true" }), this.word);
    this.why = element("p", { class: "why", "data-testid": "why" });
    this.about = element("p", { class: "about" });
    this.heard = element("p", { class: "heard" });
    this.numbers = element("div", { class: "numbers" });
    this.ranges = element("div", { class: "ranges", role: "group", "aria-label": "Stretch of time" }, ...RANGES.map((range) => this.#rangeButton(range)));
    this.stretch = element("p", { class: "stretch" });
    this.ranges.append(this.stretch);
    this.place = element("div", { class: "charts-place" });
    this.ledger = element("p", { "data-testid": "ledger" });
    this.health = element("p");
    this.node = element("article", { class: "room", "data-testid": "room", "data-device": this.device.id },
      element("a", { class: "back", href: "#/" }, "← All rooms"),
      element("header", { class: "card head" },
        element("div", { class: "title" }, element("h1", {}, this.device.id),
          this.state),
        this.why, this.numbers, this.heard, this.about),
      this.ranges, this.place, this.events.node,
      element("section", { class: "card small", "aria-labelledby": "records-title" }, element("h2", { id: "records-title" }, "Records"), this.ledger, this.health));
    this.#pressRange();
  }

  #rangeButton(range) {
    const button = element("button", { type: "button", "data-range": range.name }, range.name);
    button.addEventListener("click", () => {
      this.#range = range;
      this.#zoom = null;
      this.#pressRange();
      this.#loadSeries().catch(() => {});
    });
    return button;
  }

  #pressRange() {
    setText(this.stretch, this.#zoom ? `${time(this.#zoom[0])} to ${time(this.#zoom[1])}` : "");
    for (const button of this.ranges.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(!this.#zoom && button.dataset.range === this.#range.name));
    }
  }

  #makeCharts() {
    const channels = channelsOf(this.device);
    const keys = JSON.stringify(channels);
    if (keys === this.#channels && this.#charts) return;
    this.#channels = keys;
    this.#charts?.destroy();
    this.#charts = new Charts(channels, (from, to) => this.#showStretch(from, to));
    this.place.replaceChildren(this.#charts.node);
    this.numbers.replaceChildren(...channels.map(bigNumber), bigScore());
    this.draw();
  }

  #fillNumbers() {
    const newest = this.device.newest;
    for (const channel of channelsOf(this.device)) {
      const box = [...this.numbers.children].find((one) => one.dataset.channel === channel.key);
      setText(box.querySelector(".figure"), number(newest?.values[channel.key], channel.unit));
      setText(box.querySelector(".beside"), expectation(newest, channel));
    }
    const box = this.numbers.lastElementChild;
    setText(box.querySelector(".figure"), score(newest?.score));
    box.dataset.alarm = String((newest?.score ?? 0) >= 1);
  }

  async #loadSeries() {
    const wanted = this.#zoom ?? [this.#from(), null];
    const { received } = this.device.counts;
    const columns = await fetchSeries(this.device.id, ...wanted, POINTS);
    const now = this.#zoom ?? [this.#from(), null];
    if (this.#gone || (wanted[0] !== now[0] && this.#zoom)) return;
    this.#series = new Series(columns, this.device.info?.period_s);
    if (!this.#zoom) this.#firstMs = columns.count >= received ? columns.ts_ms[0] ?? null : null;
    if (!this.#zoom) for (const record of this.#recent) this.#series.append(record);
    this.draw();
  }

  #from() {
    const newestMs = this.device.newest?.ts_ms;
    return this.#range.ms === null || newestMs === undefined ? null : newestMs - this.#range.ms;
  }

  #reloadSoon() {
    this.#reload ??= setTimeout(() => {
      this.#reload = null;
      this.#loadSeries().catch(() => {});
    }, RELOAD_AFTER_MS);
  }

  #showEvent(event) {
    const end = event.end_ms ?? (event.open ? this.device.newest?.ts_ms : null) ?? event.ts_ms;
    const air = Math.max(30_000, (end - event.onset_ms) * 1.5);
    this.#showStretch(event.onset_ms - air, end + air);
    this.place.scrollIntoView({ block: "nearest" });
  }

  #showStretch(from, to) {
    this.#zoom = [Math.floor(from), Math.ceil(to)];
    this.#pressRange();
    this.#loadSeries().catch(() => {});
  }
}

function bigNumber(channel) {
  return element("div", { class: "number", "data-channel": channel.key },
    element("span", { class: "label" }, title(channel)),
    element("span", { class: "reading" }, element("span", { class: "figure", "data-testid": "value", "data-channel": channel.key }), element("span", { class: "unit" }, channel.unit)),
    element("span", { class: "beside" }));
}

function bigScore() {
  return element("div", { class: "number score" },
    element("span", { class: "label" }, "Score"),
    element("span", { class: "reading" }, element("span", { class: "figure", "data-testid": "score" })),
    element("span", { class: "beside" }, "alarm at 1.0"));
}
