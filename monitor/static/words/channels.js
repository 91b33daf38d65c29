// What a device measures: the birth certificate says it; before one came, the keys do.

const KNOWN = {
  temperature_c: { name: "temperature", unit: "°C", leastSpan: 1 },
  humidity_pct: { name: "humidity", unit: "%", leastSpan: 4 },
  pressure_hpa: { name: "pressure", unit: "hPa", leastSpan: 2 },
};
const ORDER = Object.keys(KNOWN);

/** [{key, name, unit, leastSpan}] in the order of picanary. */
export function channelsOf(device) {
  const named = new Map((device.info?.channels ?? []).map((channel) => [channel.key, channel]));
  const keys = new Set([...named.keys(), ...Object.keys(device.newest?.values ?? {})]);
  return [...keys].sort((one, other) => place(one) - place(other) || one.localeCompare(other)).map((key) => ({
    key,
    name: named.get(key)?.name ?? KNOWN[key]?.name ?? key,
    unit: named.get(key)?.unit ?? KNOWN[key]?.unit ?? "",
    leastSpan: KNOWN[key]?.leastSpan ?? 0,
  }));
}

export function title(channel) {
  return channel.name.charAt(0).toUpperCase() + channel.name.slice(1);
}

function place(key) {
  const found = ORDER.indexOf(key);
  return found < 0 ? ORDER.length : found;
}
