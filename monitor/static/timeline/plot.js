// How uPlot draws one chart: a channel with its expectation and its extremes, or the score with its threshold.

import { tick } from "../words/format.js";
import { drawMark, drawStretches, drawThreshold, thresholdStroke } from "./ink.js";

const CHANNEL_HEIGHT = 190;
const SCORE_HEIGHT = 150;
const SYNC = "picanary";
const SCORE_TICKS = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000];
const NO_LINE = { stroke: "transparent", points: { show: false } };

/** Options of a chart of `kind` "channel" or "score"; `host` has the colours, the series and what is marked. */
export function options(chart, host) {
  const score = chart.kind === "score";
  const { grid, muted } = host.colours;
  const axis = { stroke: muted, font: "12px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    ms: 1,
    height: score ? SCORE_HEIGHT : CHANNEL_HEIGHT,
    padding: [8, 30, 0, 0],
    legend: { show: false },
    cursor: cursor(),
    axes: [
      { ...axis, size: 28, space: 70, values: (_, ticks, __, ___, step) => ticks.map((ms) => tick(ms, step)) },
      { ...axis, size: 52, gap: 6, values: (_, ticks) => ticks.map(plainNumber), ...(score ? { splits: scoreTicks, filter: (_, ticks) => ticks } : {}) },
    ],
    hooks: {
      drawClear: [(plot) => drawStretches(plot, host.stretches, host.colours)],
      draw: [(plot) => drawMark(plot, host.mark, host.colours), ...(score ? [(plot) => drawThreshold(plot, host.colours)] : [])],
      setCursor: [(plot) => host.point(plot)],
      setSelect: [(plot) => host.select(plot)],
    },
    ...(score ? scoreLines(host) : channelLines(chart, host)),
  };
}

/** Rows for such a chart: of a channel both edges of the band, highest, lowest, expected, and the line itself. */
export function rows(chart, series) {
  const { ts, score, channels, summed } = series;
  if (chart.kind === "score") return [ts, score];
  const empty = new Array(ts.length).fill(null);
  const { value, expected, spread, low, high, mean } = channels[chart.channel.key] ?? { value: empty, expected: empty, spread: empty };
  const edge = (sign) => expected.map((middle, i) => (middle === null || spread[i] === null ? null : middle + sign * spread[i]));
  return [ts, edge(1), edge(-1), (summed && high) || empty, (summed && low) || empty, expected, (summed && mean) || value];
}

function cursor() {
  // a drag with shift moves the charts, and a double click goes back
  const plain = (_, __, handle) => (event) => (event.shiftKey ? null : handle(event));
  return {
    sync: { key: SYNC },
    y: false,
    drag: { x: true, y: false, setScale: false },
    points: { size: 7 },
    bind: { mousedown: plain, dblclick: () => null },
  };
}

function channelLines(chart, host) {
  const { band, expected, values } = host.colours;
  const stroke = values[chart.index % values.length];
  return {
    scales: { x: time(host), y: { range: (plot, low, high) => channelRange(chart, host, plot, low, high) } },
    bands: [{ series: [1, 2], fill: band }, { series: [3, 4], fill: `${stroke}44` }],
    series: [
      {},
      ...new Array(4).fill(NO_LINE),
      { stroke: expected, width: 1.25, dash: [5, 4], points: { show: false } },
      { stroke, width: 1.75, points: { show: false } },
    ],
  };
}

function scoreLines(host) {
  return {
    // inverse hyperbolic sine: straight near 0, logarithmic above, so that a 50 leaves a 0.5 to be seen
    scales: { x: time(host), y: { distr: 4, asinh: 1, range: (_, __, high) => [0, Math.max(2, (high ?? 0) * 1.25)] } },
    series: [{}, { stroke: (plot) => thresholdStroke(plot, host.colours), width: 1.75, points: { show: false } }],
  };
}

function time(host) {
  return { time: true, range: () => host.window };
}

/** With a tenth of air on both sides. Where nothing is known, as in the middle of a fast pan, it stays as it was. */
function channelRange(chart, host, plot, low, high) {
  const [least, most] = trusted(host.series, plot, low, high);
  if (least === null || most === null) return chart.range ?? [0, 1];
  chart.range = padded(least, most, chart.channel.leastSpan);
  return chart.range;
}

/** The lowest and highest of what is shown, but for what a broken sensor said: its zeros would flatten the rest. */
function trusted(series, plot, low, high) {
  const [first, last] = plot.series[0].idxs ?? [0, -1];
  let [least, most] = [Infinity, -Infinity];
  for (let column = 1; column < plot.data.length; column += 1) {
    const values = plot.data[column];
    for (let i = first; i <= last; i += 1) {
      const value = values[i] ?? null;
      if (value === null || !series.trusted(i)) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return least <= most ? [least, most] : [low, high];
}

/** Never so narrow that a sensor's last digit looks like a storm. */
function padded(low, high, leastSpan) {
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
