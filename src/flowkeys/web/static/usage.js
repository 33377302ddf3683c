// Plots of usage. What they show stands in the table below them, for whoever does not see them.
"use strict";

(() => {
  const HEIGHT = 220;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let drawn = [];

  const axes = (unit, step) => {
    const line = { stroke: colour("--line"), width: 1 };
    const common = { stroke: colour("--muted"), grid: line, ticks: line };
    // Times as everywhere on these pages: UTC, and neither American nor European.
    const part = step < 86400 ? [11, 16] : [5, 10];
    const times = (_, found) => found.map((seconds) => new Date(seconds * 1e3).toISOString().slice(...part));
    return [{ ...common, values: times }, { ...common, size: 76, values: (_, found) => found.map((value) => `${value}${unit}`) }];
  };

  const draw = (place, series, data, unit) => {
    const step = data[0].length > 1 ? data[0][1] - data[0][0] : 3600;
    const options = {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      scales: { x: { range: (_, first, last) => [first, last + step] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: axes(unit, step),
      series: [{}, ...series],
    };
    place.replaceChildren();
    drawn.push(new uPlot(options, data, place));
  };

  const plot = () => {
    drawn.forEach((each) => each.destroy());
    drawn = [];
    const rows = [...document.querySelectorAll("table[data-usage] tbody tr")];
    if (!rows.length || typeof uPlot === "undefined") return;
    const of = (name) => rows.map((row) => (row.dataset[name] === undefined ? null : Number(row.dataset[name])));
    const times = of("time");
    const ok = of("ok");
    const refused = of("refused").map((calls, at) => calls + ok[at]);
    const failed = of("failed").map((calls, at) => calls + refused[at]);
    const bars = uPlot.paths.bars({ size: [0.7, 40], align: 1 });
    const bar = (name) => ({ fill: colour(name), stroke: colour(name), width: 0, paths: bars, points: { show: false } });
    const line = (name, dash) => ({ stroke: colour(name), width: 2, dash, points: { show: true, size: 5 } });
    // Stacked: the whole first, and what it consists of in front of it.
    draw(
      document.querySelector("[data-plot=calls]"),
      [bar("--plot-failed"), bar("--plot-refused"), bar("--plot-ok")],
      [times, failed, refused, ok],
      "",
    );
    draw(
      document.querySelector("[data-plot=latency]"),
      [line("--plot-ok"), line("--plot-refused", [6, 4]), line("--plot-failed", [2, 3])],
      [times, of("p50"), of("p95"), of("p99")],
      " ms",
    );
  };

  plot();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", plot);
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(plot, 150);
  });
})();
