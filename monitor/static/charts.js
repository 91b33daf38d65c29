// One chart per channel and one for the score, on one time axis with one cursor.

import { title } from "./channels.js";
import { element, setText } from "./dom.js";
import { measure, score as scoreText, tick, time } from "./format.js";
import { drawStretches, drawThreshold, palette, thresholdStroke } from "./ink.js";

const CHANNEL_HEIGHT = 190;
const SCORE_HEIGHT = 150;
const SYNC = "picanary";
const SCORE_TICKS = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000];

export class Charts {
  #charts = []; // {plot, card, readout, kind, channel}
  #series = null;
  #stretches = [];
  #window = [0, 1];
  #colours = palette();

  /** `onZoom(from, to)` is called when a person has selected a stretch of time. */
  constructor(channels, onZoom) {
    this.onZoom = onZoom;
    this.summary = element("p", { class: "hidden", role: "status" });
    this.node = element("div", { class: "charts", tabindex: 0, role: "group", "aria-label": "Charts. The arrow keys move the cursor, End puts it on the newest reading." }, this.summary);
    channels.forEach((channel, i) => this.#charts.push(this.#card("channel", channel, i)));
    this.#charts.push(this.#card("score", null, 0));
    this.node.append(...this.#charts.map((chart) => chart.card));
    this.node.addEventListener("keydown", (event) => this.#moveCursor(event));
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(this.node);
  }

  /** Show a series from one time to another. */
  show(series, fromMs, toMs) {
    this.#series = series;
    this.#window = [fromMs, toMs];
    this.#stretches = series.stretches("anomalous", "sensor_fault").filter((one) => one.to >= fromMs && one.from <= toMs);
    for (const chart of this.#charts) {
      if (!chart.plot) this.#plot(chart);
      else chart.plot.setData(this.#data(chart));
    }
    this.#tell();
  }

  /** Draw anew in the colours of the page, after light became dark. */
  repaint() {
    this.#colours = palette();
    for (const chart of this.#charts) {
      chart.plot?.destroy();
      chart.plot = null;
    }
    if (this.#series) this.show(this.#series, ...this.#window);
  }

  destroy() {
    this.resizing.disconnect();
    for (const chart of this.#charts) chart.plot?.destroy();
  }

  #card(kind, channel, index) {
    const readout = element("p", { class: "readout" });
    const name = kind === "score" ? "Score" : title(channel);
    const unit = kind === "score" ? "alarm at 1.0" : channel.unit;
    const place = element("div", { class: "plot" });
    const card = element("figure", { class: "card chart", "data-testid": "chart", "data-channel": channel?.key ?? "score", "data-anomalies": 0, "data-faults": 0 },
      element("figcaption", {}, element("h2", {}, name), element("span", { class: "unit" }, unit), readout), place);
    return { kind, channel, index, card, readout, place, plot: null };
  }

  #plot(chart) {
    const options = chart.kind === "score" ? this.#scoreOptions() : this.#channelOptions(chart);
    const height = chart.kind === "score" ? SCORE_HEIGHT : CHANNEL_HEIGHT;
    chart.plot = new globalThis.uPlot({ ...this.#shared(chart), ...options, width: this.#width(chart), height }, this.#data(chart), chart.place);
  }

  #shared(chart) {
    const { grid, muted } = this.#colours;
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: muted, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      ms: 1,
      padding: [8, 30, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: SYNC }, y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, ticks, __, ___, step) => ticks.map((ms) => tick(ms, step)) },
        { ...axis, size: 52, gap: 6, values: (_, ticks) => ticks.map(plainNumber), ...(chart.kind === "score" ? { splits: scoreTicks, filter: (_, ticks) => ticks } : {}) },
      ],
      hooks: {
        drawClear: [(plot) => drawStretches(plot, this.#stretches, this.#colours)],
        draw: chart.kind === "score" ? [(plot) => drawThreshold(plot, this.#colours)] : [],
        setCursor: [(plot) => this.#readOut(chart, plot)],
        setSelect: [(plot) => this.#select(plot)],
      },
    };
  }

  #channelOptions(chart) {
    const { band, expected, values } = this.#colours;
    const hidden = { stroke: "transparent", points: { show: false } };
    return {
      scales: { x: this.#time(), y: { range: (plot, low, high) => padded(...this.#trusted(plot, low, high), chart.channel.leastSpan) } },
      bands: [{ series: [1, 2], fill: band }],
      series: [
        {},
        hidden,
        hidden,
        { stroke: expected, width: 1.25, dash: [5, 4], points: { show: false } },
        { stroke: values[chart.index % values.length], width: 1.75, points: { show: false } },
      ],
    };
  }

  /** The lowest and highest of what is shown, but for what a broken sensor said: its zeros would flatten the rest. */
  #trusted(plot, low, high) {
    const [first, last] = plot.series[0].idxs ?? [0, -1];
    let [least, most] = [Infinity, -Infinity];
    for (let i = first; i <= last; i += 1) {
      if (!this.#series.trusted(i)) continue;
      for (let column = 1; column < plot.data.length; column += 1) {
        const value = plot.data[column][i] ?? null;
        if (value !== null) [least, most] = [Math.min(least, value), Math.max(most, value)];
      }
    }
    return least <= most ? [least, most] : [low, high];
  }

  #scoreOptions() {
    return {
      // inverse hyperbolic sine: straight near 0, logarithmic above, so that a 50 leaves a 0.5 to be seen
      scales: { x: this.#time(), y: { distr: 4, asinh: 1, range: (_, __, high) => [0, Math.max(2, (high ?? 0) * 1.25)] } },
      series: [{}, { stroke: (plot) => thresholdStroke(plot, this.#colours), width: 1.75, points: { show: false } }],
    };
  }

  #time() {
    return { time: true, range: () => this.#window };
  }

  #data(chart) {
    const { ts, score, channels } = this.#series;
    if (chart.kind === "score") return [ts, score];
    const empty = new Array(ts.length).fill(null);
    const { value, expected, spread } = channels[chart.channel.key] ?? { value: empty, expected: empty, spread: empty };
    const edge = (sign) => expected.map((middle, i) => (middle === null || spread[i] === null ? null : middle + sign * spread[i]));
    return [ts, edge(1), edge(-1), expected, value];
  }

  #readOut(chart, plot) {
    const at = plot.cursor.idx;
    if (at === null || at === undefined || plot.cursor.left < 0) {
      setText(chart.readout, "");
      return;
    }
    const { ts, score, channels } = this.#series;
    if (chart.kind === "score") {
      setText(chart.readout, `${time(ts[at])}  ${scoreText(score[at])}`);
      return;
    }
    const column = channels[chart.channel.key];
    const unit = chart.channel.unit;
    const expected = column?.expected[at] ?? null;
    const beside = expected === null ? "" : `  expected ${measure(expected, unit)}`;
    setText(chart.readout, `${time(ts[at])}  ${measure(column?.value[at], unit)}${beside}`);
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    this.onZoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  #moveCursor(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, End: Infinity }[event.key];
    const plot = this.#charts[0].plot;
    const last = (this.#series?.ts.length ?? 0) - 1;
    if (!step || !plot || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const now = plot.cursor.left < 0 ? last : plot.cursor.idx ?? last;
    const next = Math.min(last, Math.max(0, now + step * (event.shiftKey ? 10 : 1)));
    plot.setCursor({ left: plot.valToPos(this.#series.ts[next], "x"), top: 10 });
  }

  #tell() {
    const anomalies = this.#stretches.filter((one) => one.state === "anomalous").length;
    const faults = this.#stretches.length - anomalies;
    for (const chart of this.#charts) {
      chart.card.dataset.anomalies = anomalies;
      chart.card.dataset.faults = faults;
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

/** A range with a tenth of air on both sides, never so narrow that a sensor's last digit looks like a storm. */
function padded(low, high, leastSpan) {
  if (low === null || high === null) return [0, 1];
  const span = Math.max(high - low, leastSpan || Math.abs(high) * 0.02 || 1);
  const middle = (low + high) / 2;
  return [middle - span * 0.6, middle + span * 0.6];
}

function plainNumber(value) {
  return value === null ? "" : String(Number(value.toPrecision(6))).replace("-", "−");
}

function scoreTicks(_, __, ___, high) {
  const seen = SCORE_TICKS.filter((one) => one <= high);
  return seen.length > 6 ? seen.filter((one) => one !== 0.5 && one !== 2 && one !== 20) : seen;
}
