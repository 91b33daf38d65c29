// One device's charts with all that moves them: buttons, hands, one readout, the overview, the live stream.

import { channelsOf } from "../words/channels.js";
import { Charts } from "./charts.js";
import { element } from "../shell/dom.js";
import { Feed } from "./feed.js";
import { Gestures } from "./gestures.js";
import { Overview } from "./overview.js";
import { Readout } from "./readout.js";
import { Toolbar } from "./toolbar.js";
import { Viewport } from "./viewport.js";

const RELOAD_AFTER_MS = 1000;
const ADDRESS_AFTER_MS = 250; // browsers refuse to have it changed all the time

export class Timeline {
  #channels = "";
  #charts = null;
  #reload = null;
  #address = null;
  #drawing = null;
  #gone = false;

  /** `query` says what is shown first; `hash(query)` is the address of it; `onMove()`: another stretch is shown. */
  constructor(device, query, { hash, onMove = () => {}, mark = null }) {
    Object.assign(this, { device, hash, onMove, mark });
    this.viewport = new Viewport(() => this.#moved());
    this.viewport.lastMs = device.newest?.ts_ms ?? null;
    this.viewport.take(query);
    this.feed = new Feed(device.id, () => this.draw());
    this.toolbar = new Toolbar(device.id, this.viewport);
    this.readout = new Readout();
    this.overview = new Overview(device.id, this.viewport);
    this.place = element("div", { class: "charts-place" });
    this.node = element("section", { class: "timeline", "aria-label": "History", "data-testid": "timeline" }, this.toolbar.node, this.readout.node, this.place, this.overview.node);
    new Gestures(this.node, { charts: () => this.#charts, viewport: this.viewport, point: (step) => this.#point(step) });
    this.#makeCharts();
    this.toolbar.update();
  }

  /** Fetch everything anew. */
  async load() {
    try {
      await this.#loadSeries(); // and draw it; the strip of all history may come a moment later
    } finally {
      const drawn = String(this.viewport.window);
      await this.overview.load();
      if (String(this.viewport.window) !== drawn) this.draw();
      else this.toolbar.update();
    }
  }

  /** The device's newest summary. */
  update(device) {
    this.device = device;
    this.#makeCharts();
  }

  addRecords(records) {
    const last = Math.max(this.viewport.lastMs ?? -Infinity, ...records.map((record) => record.ts_ms));
    this.viewport.lastMs = last;
    if (this.overview.isLoaded) this.viewport.firstMs ??= records[0].ts_ms; // before that nobody knows what there is
    const enough = this.feed.append(records);
    if (!this.viewport.following) return this.overview.place();
    if (!enough) this.#reloadSoon();
    if (this.viewport.range.ms !== null) this.feed.trim(this.viewport.window);
    this.#drawSoon();
  }

  /** Another stretch, as a link says it. */
  follow(query) {
    if (query.toString() === this.viewport.query) return;
    this.viewport.take(query);
    this.#moved();
  }

  draw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = null;
    if (!this.feed.series || document.hidden || this.#gone) return;
    if (this.feed.series.lastMs !== null) this.viewport.lastMs = Math.max(this.feed.series.lastMs, this.viewport.lastMs ?? -Infinity);
    this.#charts.mark = this.mark;
    this.#charts.show(this.feed.series, this.viewport.window);
    this.node.dataset.shown = String(this.feed.series.count); // a test's and a stylesheet's word that it is there
    this.node.dataset.summed = String(this.feed.series.summed);
    this.overview.place();
    this.toolbar.update();
    this.#read(this.readout.row);
  }

  repaint() {
    this.#charts.repaint();
    this.overview.paint();
  }

  destroy() {
    this.#gone = true;
    clearTimeout(this.#reload);
    clearTimeout(this.#address); // it is another view's by now
    cancelAnimationFrame(this.#drawing);
    this.feed.stop();
    this.overview.destroy();
    this.#charts.destroy();
  }

  #makeCharts() {
    const channels = channelsOf(this.device);
    this.feed.periodS = this.device.info?.period_s ?? null;
    if (this.#charts && JSON.stringify(channels) === this.#channels) return;
    this.#channels = JSON.stringify(channels);
    this.#charts?.destroy();
    this.#charts = new Charts(channels, {
      onSelect: (from, to) => this.viewport.show(from, to),
      onPoint: (row) => this.#read(row),
    });
    this.place.replaceChildren(this.#charts.node);
    this.readout.setChannels(channels);
    this.overview.channel = channels[0] ?? null;
    this.overview.paint();
    this.draw();
  }

  /** Another stretch is wanted: what is there moves at once, what is missing is fetched. */
  #moved() {
    this.#charts.slide(this.viewport.window);
    this.toolbar.update();
    this.overview.place();
    this.#address ??= setTimeout(() => this.#tellAddress(), ADDRESS_AFTER_MS);
    this.feed.follow(this.viewport.wanted, this.#charts.width);
    this.onMove();
  }

  #tellAddress() {
    if (this.#address === null) return;
    clearTimeout(this.#address);
    this.#address = null;
    history.replaceState(history.state, "", this.hash(this.viewport.query));
  }

  #loadSeries() {
    return this.feed.load(this.viewport.wanted, this.#charts.width);
  }

  #reloadSoon() {
    this.#reload ??= setTimeout(() => {
      this.#reload = null;
      this.#loadSeries().catch(() => {});
    }, RELOAD_AFTER_MS);
  }

  /** Many frames a second are one drawing. */
  #drawSoon() {
    this.#drawing ??= requestAnimationFrame(() => this.draw());
  }

  #read(row) {
    if (this.feed.series?.ts.length) this.readout.show(this.feed.series, row === null ? null : Math.min(row, this.feed.series.ts.length - 1));
  }

  /** Move the cursor by so many rows, within what is shown. */
  #point(step) {
    const { series } = this.feed;
    if (!series?.ts.length) return;
    const [from, to] = this.viewport.window;
    const first = series.ts.findIndex((ms) => ms >= from);
    const last = series.ts.findLastIndex((ms) => ms <= to);
    if (first < 0 || last < first) return;
    const at = this.readout.row ?? last + (step < 0 ? 1 : 0);
    const next = Math.min(last, Math.max(first, at + step));
    this.#charts.pointAt(next);
    this.#read(next);
  }
}
