// One device's columns, as they came from the monitor, with live records added at the end.

const GAP_PERIODS = 2.5;
const WORST = ["anomalous", "sensor_fault", "normal", "warming", "no_model"];
const PARTS = ["value", "expected", "spread", "low", "high", "mean"];

export class Series {
  #live = null; // {until, count} of the stretch that live records are folded into

  /** `step_ms` of the columns is 0 for records; of summaries, how long a stretch each two rows stand for. */
  constructor(columns, periodS) {
    this.periodMs = periodS ? periodS * 1000 : null;
    this.count = columns.count;
    this.stepMs = columns.step_ms ?? 0;
    this.ts = columns.ts_ms;
    this.state = columns.state;
    this.q = columns.q;
    this.score = columns.score;
    this.channels = columns.channels;
  }

  get lastMs() {
    return this.ts.length ? this.ts[this.ts.length - 1] : null;
  }

  /** Whether rows stand for stretches of many records. */
  get summed() {
    return this.stepMs > 0;
  }

  /** Add a record at the end; false when it belongs earlier, as from a backlog. */
  append(record) {
    const last = this.lastMs;
    if (last !== null && record.ts_ms <= last) return false;
    if (last !== null && this.periodMs && record.ts_ms - last > GAP_PERIODS * this.periodMs) this.#push(last + 1, null);
    if (!this.summed) this.#push(record.ts_ms, record);
    else if (this.#live && record.ts_ms < this.#live.until) this.#fold(record);
    else {
      this.#live = { until: record.ts_ms + this.stepMs, count: 1 };
      this.#push(record.ts_ms, record);
    }
    return true;
  }

  /** Forget what is older than that, but keep one row before it so that lines reach the edge. */
  trim(fromMs) {
    let old = 0;
    while (old + 1 < this.ts.length && this.ts[old + 1] < fromMs) old += 1;
    if (old < 200) return; // moving long arrays for every record would be waste
    for (const column of this.#columns()) column.splice(0, old);
  }

  /** Whether that row is a reading that the agent believed, and not a broken sensor's zero. */
  trusted(i) {
    return this.q[i] !== "rejected";
  }

  /** Stretches of one state: [{state, from, to}], each reaching to the next row. */
  stretches(...states) {
    const found = [];
    let open = null;
    for (let i = 0; i < this.ts.length; i += 1) {
      const state = this.state[i];
      if (open && state !== open.state) {
        open.to = state === null ? this.ts[i - 1] : this.ts[i];
        open = null;
      }
      if (!open && states.includes(state)) {
        open = { state, from: this.ts[i], to: this.ts[i] };
        found.push(open);
      }
    }
    if (open) open.to = this.lastMs;
    return found;
  }

  #push(ts, record) {
    const length = this.ts.length;
    this.ts.push(ts);
    this.state.push(record?.state ?? null);
    this.q.push(record?.q ?? null);
    this.score.push(record?.score ?? null);
    for (const key of Object.keys(record?.values ?? {})) {
      this.channels[key] ??= Object.fromEntries(this.#parts().map((part) => [part, nulls(length)]));
    }
    for (const [key, column] of Object.entries(this.channels)) {
      const value = record?.values[key] ?? null;
      const row = { value, low: value, high: value, mean: value, expected: record?.expected[key] ?? null, spread: record?.spread[key] ?? null };
      for (const part of Object.keys(column)) column[part].push(row[part]);
    }
  }

  /** Into the newest row, so that a year does not grow by a row a reading. */
  #fold(record) {
    const i = this.ts.length - 1;
    this.#live.count += 1;
    this.ts[i] = record.ts_ms;
    if (WORST.indexOf(record.state) < WORST.indexOf(this.state[i])) this.state[i] = record.state;
    this.score[i] = most(this.score[i], record.score);
    for (const [key, column] of Object.entries(this.channels)) {
      const value = record.values[key] ?? null;
      if (value === null) continue;
      column.low[i] = column.low[i] === null ? value : Math.min(column.low[i], value);
      column.high[i] = most(column.high[i], value);
      column.mean[i] = (column.mean[i] ?? value) + (value - (column.mean[i] ?? value)) / this.#live.count;
      column.value[i] = value;
      column.expected[i] = record.expected[key] ?? column.expected[i];
      column.spread[i] = record.spread[key] ?? column.spread[i];
    }
  }

  #parts() {
    return this.summed ? PARTS : PARTS.slice(0, 3);
  }

  *#columns() {
    yield* [this.ts, this.state, this.q, this.score];
    for (const column of Object.values(this.channels)) yield* Object.values(column);
  }
}

function most(one, other) {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

function nulls(length) {
  return new Array(length).fill(null);
}
