// What if the alarm were less or more sensitive: alarms of the last weeks at another level, and that level sent.

import { fetchWhatIf } from "../shell/api.js";
import { drawing, element, setText } from "../shell/dom.js";
import { duration, fullTime, time } from "../words/format.js";
import { eventHash, roomHash } from "../shell/links.js";
import { Sending } from "./sending.js";
import { bare, details, method, rate, short } from "./words.js";

const SPANS = [1, 4, 12];
const LISTED = 8;
const AIR_MS = 1_800_000; // around an alarm that there would have been
const WIDTH = 600, HEIGHT = 72; // of the drawing, which is stretched to its place
const VERDICTS = { true_alarm: "labelled true", false_alarm: "labelled false" };

export class WhatIf {
  #answer = null;
  #weeks = 4;
  #place = null; // of the slider, once it was moved
  #exact = null; // the level as it was typed
  #loading = 0;
  #known; // the level that the device was last told to be at

  constructor(device) {
    this.device = device;
    this.#build();
  }

  /** The device's newest summary. */
  update(device) {
    this.device = device;
    const level = device.info?.level;
    if (level === this.#known) return;
    this.#known = level;
    if (this.node.open) this.#load().catch(() => {});
  }

  get #level() {
    return this.#exact ?? this.#answer.levels[this.#place];
  }

  async #load() {
    const turn = ++this.#loading;
    this.node.setAttribute("aria-busy", "true");
    try {
      const answer = await fetchWhatIf(this.device.id, this.#weeks);
      if (turn !== this.#loading) return;
      this.#answer = answer;
      setText(this.problem, "");
      this.body.hidden = false;
      if (this.#place === null) this.#goTo(answer.level ?? 1);
      else this.#draw();
    } catch (error) {
      if (turn === this.#loading) setText(this.problem, `This could not be worked out: ${error.message}`);
    } finally {
      if (turn === this.#loading) this.node.removeAttribute("aria-busy");
    }
  }

  /** Any level: the slider stands at the nearest of its places. */
  #goTo(level) {
    const { levels } = this.#answer;
    this.#place = levels.reduce((best, one, i) => (Math.abs(Math.log(one / level)) < Math.abs(Math.log(levels[best] / level)) ? i : best), 0);
    this.#exact = level;
    this.#draw();
  }

  #build() {
    const name = `whatif-${this.device.id}`;
    this.spans = element("div", { class: "ranges", role: "group", "aria-label": "How far back" }, ...SPANS.map((weeks) => {
      const button = element("button", { type: "button", "data-weeks": weeks }, weeks === 1 ? "Last week" : `${weeks} weeks`);
      button.addEventListener("click", () => {
        this.#weeks = weeks;
        this.#pressSpan();
        this.#load();
      });
      return button;
    }));
    this.headline = element("p", { class: "headline", "data-testid": "whatif-headline" });
    this.detail = element("p", { class: "detail", "data-testid": "whatif-detail" });
    this.slider = element("input", { type: "range", min: 0, max: 60, step: 1, id: `${name}-slider`, "data-testid": "whatif-slider", "aria-describedby": `${name}-ends` });
    this.slider.addEventListener("input", () => {
      this.#place = Number(this.slider.value);
      this.#exact = null;
      this.#draw();
    });
    this.field = element("input", { type: "number", min: 0.5, max: 5, step: "any", inputmode: "decimal", "aria-label": "Alarm level as a number, 0.5 to 5", "data-testid": "whatif-field" });
    this.field.addEventListener("change", () => {
      const level = Number(this.field.value);
      if (this.field.value !== "" && level >= 0.5 && level <= 5) this.#goTo(level);
      else this.#draw();
    });
    this.curve = drawing("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.gone = element("div", { class: "change" });
    this.fresh = element("div", { class: "change" });
    this.problem = element("p", { class: "wrong", role: "status" });
    this.note = element("p", { class: "method" });
    this.sending = new Sending(this.device.id, () => this.#load());
    this.body = element("div", { class: "whatif-body", hidden: true },
      this.spans,
      element("div", { role: "status" }, this.headline, this.detail),
      element("div", { class: "dial" },
        element("label", { for: `${name}-slider` }, "Alarm level"), this.field,
        element("span", { class: "times" }, "times as calibrated"),
        element("div", { class: "track" }, this.curve, this.slider,
          element("p", { class: "ends", id: `${name}-ends` }, element("span", {}, "more sensitive"), element("span", {}, "less sensitive")))),
      element("div", { class: "changes" }, this.gone, this.fresh),
      this.sending.node, this.note);
    this.node = element("details", { class: "card whatif", "data-testid": "whatif" },
      element("summary", {}, element("h2", {}, "What if the alarm were less or more sensitive?")),
      this.problem, this.body);
    this.node.addEventListener("toggle", () => {
      if (this.node.open && !this.#answer) this.#load();
    });
    this.#pressSpan();
  }

  #pressSpan() {
    for (const button of this.spans.children) button.setAttribute("aria-pressed", String(Number(button.dataset.weeks) === this.#weeks));
  }

  #draw() {
    const answer = this.#answer;
    const level = this.#level;
    const inForce = answer.level ?? 1;
    const asIs = Math.abs(level / inForce - 1) < 0.001;
    const count = asIs ? answer.were.length : answer.alarms[this.#place];
    this.slider.value = String(this.#place);
    this.slider.setAttribute("aria-valuetext", `${short(level)} times as calibrated`);
    if (document.activeElement !== this.field || this.#exact === null) this.field.value = short(level);
    setText(this.headline, asIs ? `As it is: ${rate(count, answer)}` : `${rate(count, answer)} instead of ${bare(answer.were.length, answer)}`);
    setText(this.detail, details(answer, count, asIs ? null : this.#place));
    this.#list(this.gone, "Would not have come", answer.were.filter((one) => one.strength < level).reverse(), (one) => this.#was(one));
    this.#list(this.fresh, "Would be new", asIs ? [] : [...answer.new[this.#place]].reverse(), (one) => this.#new(one), asIs ? 0 : answer.new_count[this.#place]);
    this.#drawCurve(count);
    this.sending.offer(asIs ? null : level);
    setText(this.note, method(answer));
  }

  /** `rows` are the newest first; of `count` in all. */
  #list(place, title, rows, make, count = rows.length) {
    place.hidden = count === 0;
    const shown = rows.slice(0, LISTED).map(make);
    const more = count - shown.length;
    place.replaceChildren(element("h3", {}, `${title}: ${count}`), element("ol", {}, ...shown, more > 0 ? element("li", { class: "more" }, `and ${more} more`) : null));
  }

  #was(one) {
    return element("li", { "data-testid": "whatif-gone" },
      element("a", { href: eventHash(this.device.id, one), title: fullTime(one.onset_ms) }, time(one.onset_ms)),
      element("span", { class: "said" }, one.why ?? "without a sentence"),
      one.verdict ? element("span", { class: "verdict", "data-verdict": one.verdict }, VERDICTS[one.verdict]) : null);
  }

  #new([onset, end, strength]) {
    const query = new URLSearchParams({ from: String(onset - AIR_MS), to: String(end + AIR_MS) });
    return element("li", { "data-testid": "whatif-new" },
      element("a", { href: roomHash(this.device.id, query), title: fullTime(onset) }, time(onset)),
      element("span", { class: "said" }, `about ${duration(end - onset)}, up to ${short(strength)} of the level`));
  }

  #drawCurve(count) {
    const { alarms: counts, levels, level } = this.#answer;
    const most = Math.max(1, ...counts, count);
    const x = (place) => (place / (levels.length - 1)) * WIDTH;
    const y = (value) => HEIGHT - 3 - (value / most) * (HEIGHT - 8);
    const line = counts.map((value, place) => `${place ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const now = (Math.log((level ?? 1) / levels[0]) / Math.log(levels.at(-1) / levels[0])) * WIDTH;
    this.curve.replaceChildren(
      drawing("path", { class: "area", d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
      drawing("path", { class: "line", d: line }),
      drawing("path", { class: "now", d: `M${now.toFixed(1)} 0V${HEIGHT}` }),
      drawing("path", { class: "chosen", d: `M${x(this.#place).toFixed(1)} ${HEIGHT}V${y(counts[this.#place]).toFixed(1)}` }));
  }
}
