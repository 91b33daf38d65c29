"""What a page looks like, measured on its pixels and colours in a real browser."""

from typing import Any

from tests.monitor.browser import sync_api


def red_pixels(page: sync_api.Page) -> int:
    """How much of the temperature chart is as red as the lid over an anomaly."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector('[data-channel="temperature_c"] canvas');
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [canvas.width, canvas.height];
            const paint = copy.getContext("2d", { willReadFrequently: true });
            paint.drawImage(canvas, 0, 0);
            const { data } = paint.getImageData(0, 0, canvas.width, canvas.height);
            let red = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i] > 150 && data[i + 1] < 90 && data[i + 3] > 200) red += 1;
            }
            return red;
        }"""
    )


def blue_line(page: sync_api.Page) -> dict[str, float]:
    """As parts of the chart: where the temperature's line begins, its top and bottom but for the end."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector('[data-channel="temperature_c"] canvas');
            const { width, height } = canvas;
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [width, height];
            const paint = copy.getContext("2d", { willReadFrequently: true });
            paint.drawImage(canvas, 0, 0);
            const { data } = paint.getImageData(0, 0, width, height);
            const at = [];
            for (let i = 0; i < data.length; i += 4) {
                const [red, green, blue, alpha] = data.slice(i, i + 4);
                if (red < 80 && green < 130 && blue > 140 && alpha > 200) at.push(i / 4);
            }
            const before = at.filter((i) => i % width < 0.6 * width).map((i) => i / width / height);
            return {
                left: at.reduce((least, i) => Math.min(least, i % width), width) / width,
                top: before.reduce((one, other) => Math.min(one, other), 1),
                bottom: before.reduce((one, other) => Math.max(one, other), 0),
            };
        }"""
    )


def pixels_like(
    page: sync_api.Page,
    channel: str,
    colour: tuple[int, int, int],
    *,
    alpha: tuple[int, int] = (200, 255),
    near: int = 24,
) -> dict[str, Any]:
    """How many pixels of a chart have about that colour, and the stretches of its width that have some.

    `alpha` tells a wash from a line. A stretch is (from, to) as parts of the plot; holes below 3 % are none.
    """
    return page.evaluate(
        """([channel, colour, alpha, near]) => {
            const canvas = document.querySelector(`[data-testid="chart"][data-channel="${channel}"] canvas`);
            const over = canvas.parentElement.querySelector(".u-over");
            const { width, height } = canvas;
            const ratio = width / canvas.clientWidth;
            const [left, wide] = [over.offsetLeft * ratio, over.clientWidth * ratio];
            const [top, high] = [over.offsetTop * ratio, over.clientHeight * ratio];
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [width, height];
            const paint = copy.getContext("2d", { willReadFrequently: true });
            paint.drawImage(canvas, 0, 0);
            const { data } = paint.getImageData(0, 0, width, height);
            const has = new Set();
            let count = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] < alpha[0] || data[i + 3] > alpha[1]) continue;
                if (colour.some((part, at) => Math.abs(part - data[i + at]) > near)) continue;
                const x = (((i / 4) % width) - left) / wide;
                const y = (Math.floor(i / 4 / width) - top) / high;
                if (x < 0 || x > 1 || y < 0 || y > 1) continue; // the words of the axes
                count += 1;
                has.add(x);
            }
            const columns = [];
            for (const x of [...has].sort((one, other) => one - other)) {
                const last = columns.at(-1);
                if (last && x - last[1] < 0.03) last[1] = x;
                else columns.push([x, x]);
            }
            return { count, columns };
        }""",
        [channel, list(colour), list(alpha), near],
    )


def contrasts_too_low(page: sync_api.Page) -> list[str]:
    """Texts whose colour differs less than 4.5 to 1 from what is behind them (WCAG AA)."""
    return page.evaluate(
        """() => {
            const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const pixel = (colours) => {
                for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
                return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
            };
            const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            const light = (rgb) => rgb.reduce(
                (sum, part, i) => sum + linear(part / 255) * [0.2126, 0.7152, 0.0722][i], 0.05);
            const low = [];
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const text = walker.currentNode.textContent.trim();
                const node = walker.currentNode.parentElement;
                if (!text || !node.checkVisibility() || node.closest(".skip, .hidden, noscript")) continue;
                const behind = [];
                for (let one = node; one; one = one.parentElement) {
                    behind.unshift(getComputedStyle(one).backgroundColor);
                }
                const paper = light(pixel(["#fff", ...behind]));
                const ink = light(pixel(["#fff", ...behind, getComputedStyle(node).color]));
                const ratio = Math.max(paper, ink) / Math.min(paper, ink);
                if (ratio < 4.5) low.push(`${text.slice(0, 30)}: ${ratio.toFixed(2)}`);
            }
            return low;
        }"""
    )
