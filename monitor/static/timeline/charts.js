// One chart per channel and one for the score, on one time axis with one cursor.

import { title } from "../words/channels.js";
import { element, setText } from "../shell/dom.js";
import { palette } from "./ink.js";
import { options, rows } from "./plot.js";

const SELECTED_LEAST = 8; // pixels; less is a click

export class Charts {
  #charts = []; // {plot, card, kind, channel, ...}
  #selecting = false;
  // what the plots draw with
  series = null;
  stretches = [];
  mark = null; // [from, to] of an event
  window = [0, 1];
  colours = palette();

  /** `onSelect(from, to)`: a person has selected a stretch. `onPoint(row)`: the cursor stands there; null: nowhere. */
  constructor(channels, { onSelect, onPoint }) {
    this.onSelect = onSelect;
    this.onPoint = onPoint;
    this.summary = element("p", { class: "hidden", role: "status" });
    this.node = element("div", { class: "charts", tabindex: -1, role: "group", "aria-label": "Charts" }, this.summary);
    this.#charts = [...channels.map((channel, index) => card("channel", channel, index)), card("score", null, 0)];
    this.node.append(...this.#charts.map((chart) => chart.card));
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(this.node);
  }

  /** Pixels from the left edge of the plots to the right. */
  get width() {
    return this.#charts[0].plot?.over.clientWidth || Math.max(200, this.node.clientWidth - 110);
  }

  /** Show a series from one time to another. */
  show(series, window) {
    this.series = series;
    this.window = window;
    this.#tell();
    for (const chart of this.#charts) {
      if (chart.plot) chart.plot.setData(rows(chart, series));
      else this.#plot(chart);
    }
  }

  /** Show what is there already from one time to another. */
  slide(window) {
    this.window = window;
    if (!this.series) return;
    this.#tell();
    for (const { plot } of this.#charts) plot?.setScale("x", { min: window[0], max: window[1] });
  }

  /** Draw anew in the colours of the page, after light became dark. */
  repaint() {
    this.colours = palette();
    for (const chart of this.#charts) {
      chart.plot?.destroy();
      chart.plot = null;
    }
    if (this.series) this.show(this.series, this.window);
  }

  /** Put the cursor on that row. */
  pointAt(row) {
    const { plot } = this.#charts[0];
    if (plot && this.series) plot.setCursor({ left: plot.valToPos(this.series.ts[row], "x"), top: 10 });
  }

  /** The time at that horizontal place of the screen, at the nearest edge when it is beside the plots. */
  timeAt(clientX) {
    const { plot } = this.#charts[0];
    if (!plot) return null;
    const { left, width } = plot.over.getBoundingClientRect();
    return plot.posToVal(Math.min(width, Math.max(0, clientX - left)), "x");
  }

  destroy() {
    this.resizing.disconnect();
    for (const chart of this.#charts) chart.plot?.destroy();
  }

  #plot(chart) {
    const size = { width: this.#width(chart) };
    chart.plot = new globalThis.uPlot({ ...options(chart, this), ...size }, rows(chart, this.series), chart.place);
  }

  /** Called by the plots, all of them in turn; one word is enough. */
  point(plot) {
    if (plot !== this.#charts[0].plot) return;
    const at = plot.cursor.idx;
    this.onPoint(at === null || at === undefined || plot.cursor.left < 0 ? null : at);
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < SELECTED_LEAST) return;
    const chosen = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (this.#selecting) return;
    this.#selecting = true; // the others follow in this same turn, before the time axis moves
    queueMicrotask(() => {
      this.#selecting = false;
      this.onSelect(...chosen);
    });
  }

  #tell() {
    const [from, to] = this.window;
    this.stretches = this.series.stretches("anomalous", "sensor_fault").filter((one) => one.to >= from && one.from <= to);
    const anomalies = this.stretches.filter((one) => one.state === "anomalous").length;
    const faults = this.stretches.length - anomalies;
    for (const { card: figure } of this.#charts) {
      figure.dataset.anomalies = anomalies;
      figure.dataset.faults = faults;
    }
    setText(this.summary, `${anomalies || "No"} ${anomalies === 1 ? "anomaly" : "anomalies"} and ${faults || "no"} sensor ${faults === 1 ? "fault" : "faults"} in this stretch of time.`);
  }

  #resize() {
    for (const chart of this.#charts) {
      if (chart.plot && chart.plot.width !== this.#width(chart)) chart.plot.setSize({ width: this.#width(chart), height: chart.plot.height });
    }
  }

  #width(chart) {
    return Math.max(200, Math.floor(chart.place.clientWidth || this.node.clientWidth));
  }
}

function card(kind, channel, index) {
  const score = kind === "score";
  const place = element("div", { class: "plot" });
  const figure = element("figure", { class: "card chart", "data-testid": "chart", "data-channel": channel?.key ?? "score", "data-anomalies": 0, "data-faults": 0 },
    element("figcaption", {}, element("h2", {}, score ? "Score" : title(channel)), element("span", { class: "unit" }, score ? "alarm at 1.0" : channel.unit)), place);
  return { kind, channel, index, card: figure, place, plot: null, range: null };
}
