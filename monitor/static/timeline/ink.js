// What is drawn into the charts besides their lines: strange stretches, the threshold, the colours.

/** The page's colours, which follow light and dark. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    ink: colour("--ink"),
    muted: colour("--muted"),
    grid: colour("--grid"),
    band: colour("--band"),
    expected: colour("--expected"),
    anomaly: colour("--anomaly"),
    anomalyWash: colour("--anomaly-wash"),
    fault: colour("--fault"),
    faultWash: colour("--fault-wash"),
    values: [colour("--value-1"), colour("--value-2"), colour("--value-3")],
  };
}

/** Anomalies as plain red stretches, sensor faults hatched in amber, both with a lid at the top. */
export function drawStretches(plot, stretches, colours) {
  const { ctx, bbox } = plot;
  const thin = 2 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { state, from, to } of stretches) {
    // the newest record stands on the right edge, where its stretch would have no width yet
    const left = Math.min(plot.valToPos(from, "x", true), bbox.left + bbox.width - thin);
    const width = Math.max(thin, plot.valToPos(to, "x", true) - left);
    const fault = state === "sensor_fault";
    ctx.fillStyle = fault ? colours.faultWash : colours.anomalyWash;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    if (fault) hatch(ctx, left, bbox.top, width, bbox.height, colours.fault);
    ctx.fillStyle = fault ? colours.fault : colours.anomaly;
    const lid = Math.max(3 * thin, width); // a single reading of a long stretch is to be seen too
    ctx.fillRect(left - (lid - width) / 2, bbox.top, lid, 2 * thin);
  }
  ctx.restore();
}

function hatch(ctx, left, top, width, height, colour) {
  const step = 9 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.globalAlpha = 0.35;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = left - height - ((left - height) % step); x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

/** The event that a view is about: a line where it began and one where it ended. */
export function drawMark(plot, mark, colours) {
  if (!mark) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  for (const ms of mark) {
    const x = plot.valToPos(ms, "x", true);
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}

/** The dashed line at 1.0. */
export function drawThreshold(plot, colours) {
  const { ctx, bbox } = plot;
  const y = plot.valToPos(1, "y", true);
  ctx.save();
  ctx.strokeStyle = colours.anomaly;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** The score's line: ink below the threshold, red above. */
export function thresholdStroke(plot, colours) {
  const { top, height } = plot.bbox;
  if (!height || plot.scales.y.max === null || plot.scales.y.max === undefined) return colours.ink;
  const at = Math.min(1, Math.max(0, (plot.valToPos(1, "y", true) - top) / height));
  const stroke = plot.ctx.createLinearGradient(0, top, 0, top + height);
  stroke.addColorStop(0, colours.anomaly);
  stroke.addColorStop(at, colours.anomaly);
  stroke.addColorStop(at, colours.ink);
  stroke.addColorStop(1, colours.ink);
  return stroke;
}
