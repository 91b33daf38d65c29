// The few words for how a room is, from worst to best. Word and shape tell them apart, not colour alone.

export const CONDITIONS = {
  anomalous: { rank: 0, word: "anomalous", sentence: "The room behaves unlike itself" },
  sensor_fault: { rank: 1, word: "sensor fault", sentence: "The sensor cannot be trusted" },
  offline: { rank: 2, word: "offline", sentence: "The connection broke; readings come when it is back" },
  silent: { rank: 3, word: "silent", sentence: "Connected, but nothing has come for a while" },
  stopped: { rank: 4, word: "stopped", sentence: "The agent was stopped on purpose" },
  no_model: { rank: 5, word: "no model", sentence: "Readings without a verdict: no model is installed" },
  warming: { rank: 6, word: "warming up", sentence: "Collecting enough readings for a first verdict" },
  unknown: { rank: 7, word: "unknown", sentence: "No reading has come yet" },
  normal: { rank: 8, word: "normal", sentence: "As the model expects" },
};

const SILENT_PERIODS = 5;
const SILENT_LEAST_MS = 15_000;

/** The condition of a device's summary, with silence noticed by the time since it was last heard. */
export function conditionOf(device, nowMs) {
  if (device.presence !== "online") return device.condition;
  const period = (device.info?.period_s ?? 10) * 1000;
  const limit = Math.max(SILENT_LEAST_MS, SILENT_PERIODS * period);
  return nowMs - device.heard_ms > limit ? "silent" : device.condition;
}

const names = new Intl.Collator(undefined, { numeric: true });

/** [{device, condition}], worst first, then by name. */
export function worstFirst(devices, nowMs) {
  return [...devices].map((device) => ({ device, condition: conditionOf(device, nowMs) })).sort((one, other) =>
    CONDITIONS[one.condition].rank - CONDITIONS[other.condition].rank || names.compare(one.device.id, other.device.id));
}
