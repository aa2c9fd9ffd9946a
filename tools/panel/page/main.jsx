// The panel: a list of chargers; of the one that is chosen the state, charts, controls, calls and frames.

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "./api.js";
import { Calls, Frames } from "./backend.jsx";
import { Chart } from "./charts.jsx";
import { Car, Card, Faults, Supply } from "./controls.jsx";

const EVERY_MS = 500;
const FRAMES = 500; // that are kept, as the server does
const SAMPLES = 1200;
const SILENT_S = 2;

// What the server says of a charger, added up: frames and samples come once.
function added(old, news) {
  const samples = {};
  for (const [number, fresh] of Object.entries(news.samples)) {
    const kept = old?.samples[number] ?? [];
    samples[number] = fresh.length ? [...kept, ...fresh].slice(-SAMPLES) : kept;
  }
  return { ...news, samples, frames: [...(old?.frames ?? []), ...news.frames].slice(-FRAMES) };
}

function useCharger(identity, fail) {
  const [seen, setSeen] = useState(null);
  useEffect(() => {
    let known = null, timer, over = false, lost = false;
    setSeen(null);
    const look = async () => {
      try {
        const instants = Object.values(known?.samples ?? {}).map((one) => one.at(-1)?.[0] ?? 0);
        const news = await api.state(identity, known?.frames.at(-1)?.number ?? 0, Math.max(0, ...instants));
        if (over) return;
        if (lost) fail(null);
        lost = false;
        known = added(known, news);
        setSeen(known);
      } catch (error) {
        if (over) return;
        lost = true;
        fail(error instanceof TypeError ? new Error("The panel's server does not answer; does the demo still run?") : error);
      }
      timer = setTimeout(look, EVERY_MS);
    };
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [identity]);
  return seen;
}

function Chargers({ list, chosen, choose }) {
  return (
    <nav class="chargers" aria-label="Chargers">
      {list.map((one) => (
        <button key={one.identity} type="button" class={one.identity === chosen ? "" : "plain"}
          aria-pressed={one.identity === chosen} onClick={() => choose(one.identity)}>
          <span>{one.identity}</span> <small>{one.connected ? one.statuses.join(", ") : "offline"}</small>
        </button>
      ))}
    </nav>
  );
}

const FIGURES = [
  ["Car", (one) => one.car], ["Pilot", (one) => one.pilot], ["Contactor", (one) => (one.relay ? "closed" : "open")],
  ["Error", (one) => one.error_code], ["Power", (one) => `${one.power_w ?? "-"} W`], ["Drawn", (one) => `${one.drawn_amps} A`],
  ["Offered", (one) => `${one.offered_amps} A`], ["Limit", (one) => one.limit || "-"], ["Energy", (one) => `${one.energy_wh ?? "-"} Wh`],
  ["Voltage", (one) => `${one.voltage_v ?? "-"} V`], ["Transaction", (one) => one.transaction_id ?? "-"],
  ["Card", (one) => one.id_tag ?? "-"], ["Reason", (one) => one.reason || "-"],
];

function State({ number, numbers, choose, one, silent, starting }) {
  return (
    <section class="card">
      <h2>Connector {number}</h2>
      {numbers.length > 1 && (
        <div class="row">
          {numbers.map((name) => (
            <button key={name} type="button" class={name === number ? "" : "plain"} aria-pressed={name === number}
              onClick={() => choose(name)}>Connector {name}</button>
          ))}
        </div>
      )}
      <p class="status" id="status" role="status">{one.ocpp_status}</p>
      {silent >= SILENT_S && <p class="banner">The charger has not answered for {silent} s.</p>}
      {starting && <p class="banner">The charger restarts or has no power.</p>}
      <dl>{FIGURES.map(([name, value]) => <div key={name}><dt>{name}</dt><dd data-figure={name}>{value(one)}</dd></div>)}</dl>
    </section>
  );
}

function Bench({ seen, fail }) {
  const [asked, choose] = useState("1");
  const { charger, status } = seen;
  if (!status) return <p class="wait">{charger} has not answered yet.</p>;
  const numbers = Object.keys(status.connectors).sort((a, b) => a - b);
  const number = numbers.includes(asked) ? asked : numbers[0];
  const one = status.connectors[number];
  const samples = seen.samples[number] ?? [];
  const run = (words) => {
    fail(null);
    return api.command(charger, words).catch(fail);
  };
  return (
    <div class="grid">
      <State number={number} numbers={numbers} choose={choose} one={one} silent={seen.silent_s} starting={status.starting} />
      <section class="card">
        <h2>Charts</h2>
        <Chart kind="power" samples={samples} />
        <Chart kind="limit" samples={samples} />
      </section>
      <div class="stack">
        <Car run={run} number={number} />
        <Card run={run} number={number} />
      </div>
      <Supply run={run} status={status} />
      <Faults run={run} number={number} raised={one.faults} />
      <Calls charger={charger} number={Number(number)} transaction={one.transaction_id} fail={fail} />
      <Frames frames={seen.frames} />
    </div>
  );
}

function App() {
  const [identity, choose] = useState(null);
  const [error, fail] = useState(null);
  const shown = useRef(null);
  const seen = useCharger(identity, fail);
  shown.current = seen ?? shown.current;
  return (
    <>
      <header><h1>Simulator panel</h1></header>
      <main>
        {shown.current && <Chargers list={shown.current.chargers} chosen={identity ?? shown.current.charger} choose={choose} />}
        <div role="alert" class={error ? "banner" : ""} id="error">{error?.message}</div>
        {seen ? <Bench key={seen.charger} seen={seen} fail={fail} /> : <p class="wait">Loading</p>}
      </main>
    </>
  );
}

render(<App />, document.getElementById("app"));
