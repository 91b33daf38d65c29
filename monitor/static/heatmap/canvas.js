// The heat map's pixels. Only what is seen is drawn, and of that only rows that changed, straight into its memory.

import { tilesOf } from "./ink.js";

export class HeatCanvas {
  #image = null;
  #pixels = null;
  #tiles = [];
  #edges = []; // the left edge of each column in pixels, and the right edge of the last
  #tileWidth = 0;

  constructor(node) {
    this.node = node;
    this.paint = node.getContext("2d", { alpha: false });
  }

  /** In device pixels: the whole, the space for names at the left, and a row. */
  resize(width, height, gutter, rowHeight, columns) {
    const same = this.#image && this.width === width && this.height === height && this.gutter === gutter && this.rowHeight === rowHeight && this.#edges.length === columns + 1;
    if (same) return;
    Object.assign(this, { width, height, gutter, rowHeight });
    this.#edges = Array.from({ length: columns + 1 }, (_, i) => Math.round((i * (width - gutter)) / columns));
    this.#tileWidth = Math.ceil((width - gutter) / columns) + 1;
    if (this.node.width !== width || this.node.height !== height) Object.assign(this.node, { width, height });
    this.#image = this.paint.createImageData(Math.max(1, width - gutter), height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.repaint();
  }

  /** The colours are others. */
  repaint() {
    const style = getComputedStyle(document.documentElement);
    this.paper = style.getPropertyValue("--surface").trim();
    this.ink = style.getPropertyValue("--muted").trim();
    this.font = style.fontFamily;
    if (this.#edges.length) this.#tiles = tilesOf(this.#tileWidth, this.rowHeight);
  }

  /** All that is seen: `rows` are places in the grid (-1: unknown), `top` how many pixels are scrolled away. */
  draw(grid, looks, rows, top, names) {
    const first = Math.floor(top / this.rowHeight);
    const last = Math.min(rows.length, Math.ceil((top + this.height) / this.rowHeight));
    const end = last * this.rowHeight - top;
    this.paint.fillStyle = this.paper;
    if (end < this.height) this.paint.fillRect(0, Math.max(0, end), this.width, this.height);
    for (let place = first; place < last; place += 1) this.#row(grid, looks, rows[place], place * this.rowHeight - top);
    const height = Math.min(this.height, end);
    if (height > 0) this.paint.putImageData(this.#image, this.gutter, 0, 0, 0, this.width - this.gutter, height);
    if (this.gutter) this.#names(names, first, last, top);
  }

  /** One row that changed. */
  drawRow(grid, looks, row, place, top) {
    const y = place * this.rowHeight - top;
    if (y + this.rowHeight <= 0 || y >= this.height) return;
    this.#row(grid, looks, row, y);
    const from = Math.max(0, y);
    const height = Math.min(this.height, y + this.rowHeight) - from;
    this.paint.putImageData(this.#image, this.gutter, 0, 0, from, this.width - this.gutter, height);
  }

  #row(grid, looks, row, y) {
    const { columns, state, score } = grid;
    const width = this.#image.width;
    const pixels = this.#pixels;
    const edges = this.#edges;
    const from = Math.max(0, -y);
    const to = Math.min(this.rowHeight, this.height - y);
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      const tile = this.#tiles[row < 0 ? 0 : looks[256 * state[at] + score[at]]];
      const left = edges[column];
      const right = edges[column + 1];
      const shift = this.#tileWidth - (right - left); // the space is at the right end of a tile
      for (let line = from; line < to; line += 1) {
        const source = line * this.#tileWidth + shift - left;
        const target = (y + line) * width;
        for (let x = left; x < right; x += 1) pixels[target + x] = tile[source + x];
      }
    }
  }

  #names(names, first, last, top) {
    const { paint, rowHeight } = this;
    paint.fillStyle = this.paper;
    paint.fillRect(0, 0, this.gutter, this.height);
    paint.fillStyle = this.ink;
    paint.font = `${Math.min(13 * devicePixelRatio, Math.floor(rowHeight * 0.82))}px ${this.font}`;
    paint.textBaseline = "middle";
    for (let place = first; place < last; place += 1) paint.fillText(names[place], 0, (place + 0.5) * rowHeight - top, this.gutter - 8 * devicePixelRatio);
  }
}

/** A little picture of one look, for the legend. */
export function swatch(canvas, look, width, height) {
  Object.assign(canvas, { width, height });
  const paint = canvas.getContext("2d");
  const image = paint.createImageData(width, height);
  new Uint32Array(image.data.buffer).set(tilesOf(width, height)[look]);
  paint.putImageData(image, 0, 0);
}
