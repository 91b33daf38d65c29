// The heat map's cells: for each room and each stretch of time the worst state and the worst score, a byte each.

const EXTRA = 64; // rows more than are needed, for rooms that are new

export class HeatGrid {
  #rows; // id to row

  /** Of the monitor's answer; see monitor/web/fleet.py. */
  constructor(answer) {
    this.fromMs = answer.from_ms;
    this.stepMs = answer.step_ms;
    this.columns = answer.columns;
    this.states = answer.states;
    this.steps = answer.steps;
    this.#rows = new Map(answer.devices.map((id, row) => [id, row]));
    const cells = (answer.devices.length + EXTRA) * this.columns;
    this.state = bytes(answer.state, cells);
    this.score = bytes(answer.score, cells);
  }

  /** The row of a room; -1 when nothing is known of it. */
  rowOf(id) {
    return this.#rows.get(id) ?? -1;
  }

  get untilMs() {
    return this.fromMs + this.columns * this.stepMs;
  }

  /** {state, score, fromMs, toMs} of a cell: `state` is "" and `score` null where nothing came. */
  cell(row, column) {
    const at = row * this.columns + column;
    const fromMs = this.fromMs + column * this.stepMs;
    const known = row >= 0;
    return { state: known ? this.states[this.state[at]] : "", score: known ? this.#scoreOf(this.score[at]) : null, fromMs, toMs: fromMs + this.stepMs };
  }

  /** A room's newest record; gives its row when a cell became worse, else -1. */
  hear(id, newest) {
    const column = Math.floor((newest.ts_ms - this.fromMs) / this.stepMs);
    if (column < 0 || column >= this.columns) return -1;
    const row = this.#rows.get(id) ?? this.#add(id);
    if (row < 0) return -1;
    const at = row * this.columns + column;
    const state = this.states.indexOf(newest.state);
    const score = this.#stepOf(newest.score ?? null);
    if (state <= this.state[at] && score <= this.score[at]) return -1;
    this.state[at] = Math.max(state, this.state[at]);
    this.score[at] = Math.max(score, this.score[at]);
    return row;
  }

  /** Time goes on: a new last column once its time has come. True when that was so. */
  advance(nowMs) {
    const by = Math.min(this.columns, Math.floor((nowMs - this.untilMs) / this.stepMs) + 1);
    if (by <= 0) return false;
    this.fromMs += by * this.stepMs;
    for (const table of [this.state, this.score]) {
      table.copyWithin(0, by);
      for (let end = this.columns; end <= table.length; end += this.columns) table.fill(0, end - by, end);
    }
    return true;
  }

  #add(id) {
    const row = this.#rows.size;
    if ((row + 1) * this.columns > this.state.length) return -1; // it comes with the next answer
    this.#rows.set(id, row);
    return row;
  }

  #scoreOf(step) {
    return step === 0 ? null : this.steps.lowest ** (1 - (step - 1) / this.steps.to_one);
  }

  #stepOf(score) {
    if (score === null) return 0;
    const steps = Math.floor((this.steps.to_one * Math.log(Math.max(score, 1e-9) / this.steps.lowest)) / -Math.log(this.steps.lowest) + 1e-9);
    return Math.min(254, Math.max(0, steps)) + 1;
  }
}

function bytes(text, length) {
  const made = new Uint8Array(length);
  const packed = atob(text);
  for (let i = 0; i < packed.length; i += 1) made[i] = packed.charCodeAt(i);
  return made;
}
