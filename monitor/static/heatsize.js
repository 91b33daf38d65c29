// How high a row of the heat map is, in CSS pixels, and how much of the map is seen.

const HEIGHTS = [2, 3, 4, 6, 9, 14, 20];
const USUAL_MOST = 14;
const USUAL_LEAST = 4;
const NAMED_FROM = 14; // a row that high has its name beside it
const SEEN_MOST = 440;

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
