// The overview's picture: one channel from lowest to highest, and what was strange above it.

const AIR = 5; // pixels above and below

/** Onto that canvas, from the first time to the last. */
export function drawOverview(canvas, series, channel, [first, last], colours) {
  const { width, height } = fit(canvas);
  const ctx = canvas.getContext("2d");
  ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  const x = (ms) => ((ms - first) / (last - first || 1)) * width;
  const column = channel && series.channels[channel.key];
  if (column) drawTrend(ctx, series, column, x, height, colours.values[0]);
  for (const { state, from, to } of series.stretches("anomalous", "sensor_fault")) {
    ctx.fillStyle = state === "sensor_fault" ? colours.fault : colours.anomaly;
    ctx.fillRect(x(from), 0, Math.max(2, x(to) - x(from)), 3);
  }
}

function fit(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const size = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== size[0]) canvas.width = size[0];
  if (canvas.height !== size[1]) canvas.height = size[1];
  return { width, height };
}

function drawTrend(ctx, series, { value, low, high }, x, height, colour) {
  const known = value.filter((one, i) => one !== null && series.trusted(i));
  if (known.length === 0) return;
  const [least, most] = known.reduce(([one, other], next) => [Math.min(one, next), Math.max(other, next)], [Infinity, -Infinity]);
  const span = most - least || 1;
  const y = (one) => height - AIR - ((one - least) / span) * (height - 2 * AIR);
  ctx.strokeStyle = colour;
  ctx.lineJoin = "round";
  ctx.lineWidth = 1;
  ctx.beginPath();
  let pen = false;
  for (let i = 0; i < series.ts.length; i += 1) {
    if (value[i] === null || !series.trusted(i)) {
      pen = false;
      continue;
    }
    const at = x(series.ts[i]);
    const ends = low ? [low[i], high[i]] : [value[i]];
    for (const one of ends) {
      if (pen) ctx.lineTo(at, y(one));
      else ctx.moveTo(at, y(one));
      pen = true;
    }
  }
  ctx.stroke();
}
