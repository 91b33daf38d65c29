// One device's columns, as they came from the monitor, with live records added at the end.

const GAP_PERIODS = 2.5;

export class Series {
  constructor(columns, periodS) {
    this.periodMs = periodS ? periodS * 1000 : null;
    this.ts = columns.ts_ms;
    this.state = columns.state;
    this.q = columns.q;
    this.score = columns.score;
    this.channels = columns.channels;
  }

  get lastMs() {
    return this.ts.length ? this.ts[this.ts.length - 1] : null;
  }

  /** Add a record at the end; false when it belongs earlier, as from a backlog. */
  append(record) {
    const last = this.lastMs;
    if (last !== null && record.ts_ms <= last) return false;
    if (last !== null && this.periodMs && record.ts_ms - last > GAP_PERIODS * this.periodMs) this.#push(last + 1, null);
    this.#push(record.ts_ms, record);
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
      this.channels[key] ??= { value: nulls(length), expected: nulls(length), spread: nulls(length) };
    }
    for (const [key, column] of Object.entries(this.channels)) {
      column.value.push(record?.values[key] ?? null);
      column.expected.push(record?.expected[key] ?? null);
      column.spread.push(record?.spread[key] ?? null);
    }
  }

  *#columns() {
    yield this.ts;
    yield this.state;
    yield this.q;
    yield this.score;
    for (const column of Object.values(this.channels)) yield* [column.value, column.expected, column.spread];
  }
}

function nulls(length) {
  return new Array(length).fill(null);
}
