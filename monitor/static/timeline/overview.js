// The whole history in a strip below the charts, with the shown stretch as a window to be dragged and resized.

import { fetchSeries } from "../shell/api.js";
import { element } from "../shell/dom.js";
import { exactTime } from "../words/format.js";
import { palette } from "./ink.js";
import { Series } from "./series.js";
import { drawOverview } from "./strip.js";

const POINTS = 400;
const STALE = 0.02; // of the whole: so much may be missing at the end
const KEY_STEP = 0.1; // of the shown stretch
const PARTS = { left: "Beginning of the shown stretch", window: "Shown stretch", right: "End of the shown stretch" };

export class Overview {
  #series = null;
  #held = null; // {part, x, from, to} while dragged
  #loading = null; // a promise while it is fetched

  /** `channel` is the one that is drawn. */
  constructor(id, viewport) {
    Object.assign(this, { id, viewport, channel: null });
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.parts = Object.fromEntries(Object.entries(PARTS).map(([part, label]) => [part, element("div", { class: part, role: "slider", tabindex: 0, "aria-label": label, "data-testid": `overview-${part}` })]));
    this.node = element("div", { class: "overview", role: "group", "aria-label": "The whole history", "data-testid": "overview" },
      this.canvas, ...Object.values(this.parts));
    this.node.addEventListener("pointerdown", (event) => this.#down(event));
    this.node.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.node.addEventListener(name, () => { this.#held = null; });
    for (const [part, node] of Object.entries(this.parts)) node.addEventListener("keydown", (event) => this.#key(event, part));
    this.resizing = new ResizeObserver(() => this.paint());
    this.resizing.observe(this.node);
  }

  /** Whether it is known what there is of the room. */
  get isLoaded() {
    return this.#series !== null;
  }

  /** Fetch it anew: after what is on its way, which may be of before. */
  async load() {
    await this.#loading?.catch(() => {});
    this.#loading = this.#fetch();
    try {
      await this.#loading;
    } finally {
      this.#loading = null;
    }
  }

  async #fetch() {
    this.#series = new Series(await fetchSeries(this.id, null, null, POINTS), null);
    const { ts } = this.#series;
    this.viewport.firstMs = ts[0] ?? null;
    this.viewport.lastMs = Math.max(ts.at(-1) ?? -Infinity, this.viewport.lastMs ?? -Infinity);
    if (!Number.isFinite(this.viewport.lastMs)) this.viewport.lastMs = null;
    this.paint();
  }

  /** The strip and the window on it. */
  paint() {
    const [first, last] = this.#extent;
    if (this.#series && first !== null) drawOverview(this.canvas, this.#series, this.channel, [first, last], palette());
    this.place();
  }

  /** Only the window; the strip is fetched again when its end has become old. */
  place() {
    const [first, last] = this.#extent;
    this.node.hidden = first === null || last <= first;
    if (this.node.hidden) return;
    const [from, to] = this.viewport.window;
    const part = (ms) => Math.min(1, Math.max(0, (ms - first) / (last - first)));
    const [left, right] = [part(from), part(to)];
    this.node.style.setProperty("--left", `${(100 * left).toFixed(3)}%`);
    this.node.style.setProperty("--right", `${(100 * (1 - right)).toFixed(3)}%`);
    const tell = (node, ms, text) => {
      const values = { "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * part(ms)), "aria-valuetext": text };
      for (const [name, value] of Object.entries(values)) node.setAttribute(name, String(value));
    };
    tell(this.parts.left, from, exactTime(from));
    tell(this.parts.right, to, exactTime(to));
    tell(this.parts.window, (from + to) / 2, `${exactTime(from)} to ${exactTime(to)}`);
    const drawnTo = this.#series?.lastMs ?? last;
    if (!this.#loading && last - drawnTo > STALE * (last - first)) this.load().catch(() => {});
  }

  destroy() {
    this.resizing.disconnect();
  }

  get #extent() {
    return [this.viewport.firstMs, this.viewport.lastMs];
  }

  get #msPerPixel() {
    const [first, last] = this.#extent;
    return (last - first) / Math.max(1, this.node.clientWidth);
  }

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const part = Object.keys(this.parts).find((name) => this.parts[name].contains(event.target)) ?? "window";
    let [from, to] = this.viewport.window;
    if (!this.parts[part].contains(event.target)) {
      // beside the window: it comes to the hand
      const at = this.viewport.firstMs + (event.clientX - this.node.getBoundingClientRect().left) * this.#msPerPixel;
      [from, to] = [at - (to - from) / 2, at + (to - from) / 2];
      this.viewport.show(from, to);
    }
    this.parts[part].focus({ preventScroll: true });
    this.node.setPointerCapture(event.pointerId);
    this.#held = { part, x: event.clientX, from, to };
  }

  #move(event) {
    if (!this.#held) return;
    const { part, x, from, to } = this.#held;
    this.#shift(part, from, to, (event.clientX - x) * this.#msPerPixel);
  }

  #shift(part, from, to, ms) {
    if (part === "window") this.viewport.show(from + ms, to + ms);
    else if (part === "left") this.viewport.show(Math.min(from + ms, to - 1), to);
    else this.viewport.show(from, Math.max(to + ms, from + 1));
  }

  #key(event, part) {
    const side = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 5, PageDown: -5, Home: -Infinity, End: Infinity }[event.key];
    if (!side || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [from, to] = this.viewport.window;
    const [first, last] = this.#extent;
    const ms = Math.min(last - (part === "left" ? from : to), Math.max(first - (part === "right" ? to : from), side * KEY_STEP * (to - from)));
    this.#shift(part, from, to, ms);
  }
}
