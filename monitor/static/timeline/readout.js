// What stands at the cursor, in one line over all charts; a slider, so that keys and screen readers move it.

import { CONDITIONS } from "../words/conditions.js";
import { title } from "../words/channels.js";
import { element, setText } from "../shell/dom.js";
import { exactTime, measure, number, score as scoreText } from "../words/format.js";

export class Readout {
  #channels = [];
  #row = null; // null: the newest one, while nobody points

  constructor() {
    this.time = element("span", { class: "figure-small", "data-testid": "readout-time" });
    this.state = element("span", { class: "beside", "data-testid": "readout-state" });
    this.score = element("span", { class: "figure-small" });
    this.cells = element("div", { class: "readings", "aria-hidden": "true" });
    this.node = element("div", {
      class: "card readout", role: "slider", tabindex: 0, "aria-label": "Cursor over the charts", "aria-orientation": "horizontal",
      "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0, "aria-keyshortcuts": "ArrowLeft ArrowRight Home End + - Shift+ArrowLeft Shift+ArrowRight 0", "data-testid": "readout",
    }, this.cells);
  }

  get row() {
    return this.#row;
  }

  setChannels(channels) {
    this.#channels = channels.map((channel) => ({ channel, value: element("span", { class: "figure-small" }), beside: element("span", { class: "beside" }) }));
    this.cells.replaceChildren(
      element("div", { class: "cell when" }, this.time, this.state),
      ...this.#channels.map(({ channel, value, beside }) => element("div", { class: "cell", "data-channel": channel.key }, element("span", { class: "label" }, title(channel)), value, beside)),
      element("div", { class: "cell", "data-channel": "score" }, element("span", { class: "label" }, "Score"), this.score, element("span", { class: "beside" }, "alarm at 1.0")));
  }

  /** Show a row of the series; null shows the newest and says so. */
  show(series, row) {
    this.#row = row;
    const at = row ?? lastKnown(series);
    if (at < 0) return;
    this.node.dataset.pointed = String(row !== null);
    const [time, state] = [exactTime(series.ts[at]), words(series, at, row === null)];
    setText(this.time, time);
    setText(this.state, state);
    const told = [`${time}, ${state}`];
    for (const { channel, value, beside } of this.#channels) {
      const { figure, note } = reading(series, channel, at);
      setText(value, figure);
      setText(beside, note);
      told.push(`${channel.name} ${figure}${note ? `, ${note}` : ""}`);
    }
    setText(this.score, scoreText(series.score[at]));
    this.node.dataset.alarm = String((series.score[at] ?? 0) >= 1);
    told.push(`score ${scoreText(series.score[at])}`);
    this.#tell(series.ts.length - 1, at, told.join("; "));
  }

  #tell(most, at, text) {
    const values = { "aria-valuemax": most, "aria-valuenow": at, "aria-valuetext": text };
    for (const [name, value] of Object.entries(values)) this.node.setAttribute(name, String(value));
  }
}

function words(series, at, newest) {
  const state = series.state[at];
  const word = state === null ? "gap: nothing came" : (CONDITIONS[state]?.word ?? state);
  return newest ? `newest, ${word}` : word;
}

function reading(series, channel, at) {
  const column = series.channels[channel.key];
  const value = (series.summed ? column?.mean?.[at] : column?.value[at]) ?? null;
  const expected = column?.expected[at] ?? null;
  const spread = column?.spread[at] ?? null;
  const notes = [];
  if (series.summed && column?.low?.[at] != null) notes.push(`${number(column.low[at], channel.unit)} to ${number(column.high[at], channel.unit)}`);
  if (expected !== null) notes.push(`expected ${number(expected, channel.unit)}${spread === null ? "" : `\u00a0±\u00a0${number(Math.max(spread, 0.1), channel.unit)}`}`);
  return { figure: measure(value, channel.unit), note: notes.join(", ") };
}

/** The newest row that is no gap; -1 when there is none. */
function lastKnown(series) {
  let at = series.ts.length - 1;
  while (at > 0 && series.state[at] === null) at -= 1;
  return at;
}
