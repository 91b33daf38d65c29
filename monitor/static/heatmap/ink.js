// How a cell of the heat map looks. Told apart without colour too: the worse, the stronger against the page, and
// what is no verdict of the room has a pattern of its own.

const NORMALS = 8; // shades of normal, by score
const ALARMS = 6; // shades of anomalous
const NOTHING = 0;
const NO_MODEL = 1;
const WARMING = 2;
const FAULT = 3;
const FIRST_NORMAL = 4;
const FIRST_ALARM = FIRST_NORMAL + NORMALS;

/** A look by state and score's step: Uint8Array of 256 a state. */
export function looksOf({ states, steps }) {
  const looks = new Uint8Array(256 * states.length);
  states.forEach((state, i) => {
    for (let step = 0; step < 256; step += 1) looks[256 * i + step] = look(state, step, steps);
  });
  return looks;
}

function look(state, step, steps) {
  const score = step === 0 ? 0 : steps.lowest ** (1 - (step - 1) / steps.to_one);
  if (state === "normal") return FIRST_NORMAL + Math.min(NORMALS - 1, Math.floor(score * NORMALS));
  if (state === "anomalous") return FIRST_ALARM + Math.min(ALARMS - 1, Math.max(0, Math.floor(Math.log2(Math.max(score, 1)) * 1.5)));
  return { no_model: NO_MODEL, warming: WARMING, sensor_fault: FAULT }[state] ?? NOTHING;
}

/** What the legend shows: [{name, look}]. */
export const LEGEND = [
  { name: "nothing came", look: NOTHING },
  { name: "no model", look: NO_MODEL },
  { name: "warming up", look: WARMING },
  { name: "normal, calm", look: FIRST_NORMAL },
  { name: "normal, near the alarm", look: FIRST_ALARM - 1 },
  { name: "sensor fault", look: FAULT },
  { name: "anomalous", look: FIRST_ALARM },
  { name: "far beyond", look: FIRST_ALARM + ALARMS - 1 },
];

/** Tiles by look: Uint32Array of width * height pixels each, with a hair of space when there is room for it. */
export function tilesOf(width, height) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => rgb(style.getPropertyValue(name).trim());
  const [surface, ink, quiet, waiting, normal, fault, anomaly] = ["--surface", "--ink", "--quiet", "--waiting", "--normal", "--fault", "--anomaly"].map(colour);
  const empty = mix(surface, ink, 0.035);
  const plain = (paint) => () => paint;
  const paints = [plain(empty),
    (x, y) => (y % 4 === 1 ? mix(surface, quiet, 0.55) : mix(surface, quiet, 0.08)),
    (x, y) => (x % 4 === 1 && y % 4 === 1 ? waiting : mix(surface, waiting, 0.16)),
    (x, y) => ((x + y) % 4 < 2 ? fault : mix(surface, fault, 0.22))];
  for (let i = 0; i < NORMALS; i += 1) paints.push(plain(mix(surface, normal, 0.16 + (0.5 * i) / (NORMALS - 1))));
  for (let i = 0; i < ALARMS; i += 1) paints.push(plain(mix(mix(surface, anomaly, 0.86), ink, (0.42 * i) / (ALARMS - 1))));
  const gapX = width >= 6 ? 1 : 0;
  const gapY = height >= 6 ? 1 : 0;
  return paints.map((paint) => tile(width, height, (x, y) => (x >= width - gapX || y >= height - gapY ? surface : paint(x, y))));
}

function tile(width, height, paint) {
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [red, green, blue] = paint(x, y);
      pixels[y * width + x] = (255 << 24) | (blue << 16) | (green << 8) | red; // as ImageData has it in memory
    }
  }
  return pixels;
}

function rgb(text) {
  const hex = /^#(..)(..)(..)$/.exec(text);
  return hex ? hex.slice(1).map((part) => parseInt(part, 16)) : [128, 128, 128];
}

function mix(one, other, part) {
  return one.map((value, i) => Math.round(value + (other[i] - value) * part));
}
