// How many columns the heat map has, how high a row is, in CSS pixels, and how much of the map is seen.

export const RANGES = [
  { name: "1 h", ms: 3_600_000, columns: 60 },
  { name: "6 h", ms: 21_600_000, columns: 72 },
  { name: "24 h", ms: 86_400_000, columns: 96 },
  { name: "7 days", ms: 604_800_000, columns: 84 },
];
const CELLS_MOST = 101_000;
const HEIGHTS = [2, 3, 4, 6, 9, 14, 20];
const USUAL_MOST = 14;
const USUAL_LEAST = 4;
const NAMED_FROM = 14; // a row that high has its name beside it
const SEEN_MOST = 440;

/** Fewer on a phone, and for a fleet that is very large. */
export function columnsOf(range, rooms) {
  const narrow = innerWidth < 600 ? 2 : 1;
  return Math.max(1, Math.min(range.columns / narrow, Math.floor(CELLS_MOST / Math.max(1, rooms))));
}

/** So that as much as possible is seen, and can be pointed at. */
export function usualHeight(rows) {
  return HEIGHTS.findLast((height) => height <= USUAL_MOST && (height * rows <= SEEN_MOST || height <= USUAL_LEAST));
}

export function nextHeight(height, by) {
  const at = HEIGHTS.indexOf(height) + by;
  return HEIGHTS[Math.min(HEIGHTS.length - 1, Math.max(0, at))];
}

/** Height of what is seen, and width of the names. */
export function layoutOf(rows, height) {
  return { seen: Math.min(SEEN_MOST, height * rows), gutter: height < NAMED_FROM ? 0 : innerWidth < 600 ? 84 : 132 };
}
