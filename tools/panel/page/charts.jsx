// Power and offered current of the last ten minutes.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

const SERIES = { power: ["Power", "W", 1, "--own"], limit: ["Offered current", "A", 2, "--limit"] };
const HEIGHT = 170;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const clock = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8);

function options(width, [label, unit, , line]) {
  const axis = { stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT, legend: { show: false }, padding: [null, 32, null, null],
    scales: { y: { range: (_, low, high) => [Math.min(0, low || 0), Math.max(1, (high || 0) * 1.1)] } },
    axes: [{ ...axis, space: 80, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 60, values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`) }],
    series: [{}, { label, stroke: () => colour(line), width: 2, points: { show: false } }],
  };
}

export function Chart({ kind, samples }) {
  const place = useRef(null);
  const chart = useRef(null);
  const series = SERIES[kind];
  useEffect(() => {
    const box = place.current;
    const drawn = new uPlot(options(box.clientWidth, series), [[], []], box);
    chart.current = drawn;
    const watcher = new ResizeObserver(() => drawn.setSize({ width: box.clientWidth, height: HEIGHT }));
    watcher.observe(box);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => drawn.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener("change", redraw);
      drawn.destroy();
    };
  }, [kind]);
  useEffect(() => chart.current.setData([samples.map((one) => one[0]), samples.map((one) => one[series[2]])]), [samples]);
  const last = samples.at(-1)?.[series[2]] ?? "-";
  return (
    <figure>
      <figcaption>{series[0]}: {last} {series[1]}</figcaption>
      <div class="chart" ref={place} role="img" aria-label={`Chart of ${series[0].toLowerCase()}, now ${last} ${series[1]}`} />
    </figure>
  );
}
