// What the heat map's cells mean, and the times above them.

import { element } from "../shell/dom.js";
import { tick, time } from "../words/format.js";
import { swatch } from "./canvas.js";
import { LEGEND } from "./ink.js";

const SIDE_PX = 14;

export function makeLegend() {
  return element("ul", { class: "heat-legend", "aria-label": "What the cells mean" },
    ...LEGEND.map(({ name }) => element("li", {}, element("canvas", { "aria-hidden": "true" }), name)));
}

/** In the colours of now. */
export function paintLegend(legend) {
  LEGEND.forEach(({ look }, i) => swatch(legend.children[i].firstChild, look, SIDE_PX, SIDE_PX));
}

/** Some times of a grid's columns, each at its place. */
export function ticksOf({ fromMs, untilMs, stepMs, columns }, nowMs) {
  const every = Math.ceil(columns / (innerWidth < 600 ? 3 : 6));
  const ticks = [];
  for (let column = 0; column + every / 2 < columns; column += every) {
    const made = element("span", {}, tick(fromMs + column * stepMs, every * stepMs >= 43_200_000 ? 86_400_000 : 60_000));
    made.style.left = `${(100 * column) / columns}%`;
    ticks.push(made);
  }
  return [...ticks, element("span", { class: "now" }, untilMs >= nowMs ? "now" : time(untilMs))];
}
