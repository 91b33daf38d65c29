// A small line of the last minutes beside a room's name, with what was strange in red.

import { drawing } from "../shell/dom.js";

const WIDTH = 96;
const HEIGHT = 30;
const MARGIN = 3;

/** An SVG of the values (null is a gap) of one channel of a series. */
export function sparkline(series, values) {
  const { ts, state } = series;
  const svg = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" });
  const known = values.filter((value, i) => value !== null && series.trusted(i));
  if (known.length < 2) return svg;
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const first = ts[0];
  const length = ts[ts.length - 1] - first || 1;
  const x = (i) => (((ts[i] - first) / length) * WIDTH).toFixed(1);
  const part = (value) => Math.min(1, Math.max(0, (value - low) / span)); // a broken sensor's zero stays in the box
  const y = (value) => (HEIGHT - MARGIN - part(value) * (HEIGHT - 2 * MARGIN)).toFixed(1);
  svg.append(drawing("path", { class: "line", d: path(values, () => true, x, y) }));
  const strange = path(values, (i) => state[i] === "anomalous" || state[i] === "sensor_fault", x, y);
  if (strange) svg.append(drawing("path", { class: "strange", d: strange }));
  return svg;
}

function path(values, wanted, x, y) {
  let drawn = "";
  let pen = false;
  values.forEach((value, i) => {
    if (value === null || !wanted(i)) {
      pen = false;
      return;
    }
    const point = `${x(i)} ${y(value)}`;
    drawn += pen ? `L${point}` : `M${point}L${point}`; // so that a point alone is a dot
    pen = true;
  });
  return drawn;
}
