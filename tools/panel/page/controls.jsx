// What the outside world does to a charger: car, card, mains, faults.

import { useState } from "preact/hooks";

const FAULTS = ("ConnectorLockFailure EVCommunicationError GroundFailure HighTemperature InternalError OtherError OverCurrentFailure " +
  "OverVoltage PowerMeterFailure PowerSwitchFailure ReaderFailure UnderVoltage contactor_stuck diode leak_in_car ntc_open " +
  "ntc_short pe_lost pilot_short rcd_dead rcd_stuck supply_lost tamper").split(" ");

function Field({ id, label, children }) {
  return <div class="field"><label for={id}>{label}</label>{children}</div>;
}

function Number({ id, label, value, set, ...limits }) {
  return (
    <Field id={id} label={label}>
      <input id={id} type="number" value={value} onInput={(event) => set(event.target.value)} {...limits} />
    </Field>
  );
}

function Phases({ id, label, value, set }) {
  return (
    <Field id={id} label={label}>
      <select id={id} value={value} onChange={(event) => set(event.target.value)}>
        {[1, 2, 3].map((count) => <option key={count}>{count}</option>)}
      </select>
    </Field>
  );
}

function Button({ run, words, children, ...rest }) {
  return <button type="button" onClick={() => run(words)} {...rest}>{children}</button>;
}

export function Car({ run, number }) {
  const [amps, setAmps] = useState("32");
  const [phases, setPhases] = useState("1");
  const at = `connector=${number}`;
  return (
    <section class="card">
      <h2>Car</h2>
      <div class="row">
        <Button run={run} words={["plug_in", at]}>Plug in</Button>
        <Button run={run} words={["plug_in_idle", at]} class="plain">Plug in, not ready</Button>
        <Button run={run} words={["plug_out", at]} class="plain">Plug out</Button>
        <Button run={run} words={["resume", at]} class="plain">Ready</Button>
        <Button run={run} words={["pause", at]} class="plain">Not ready</Button>
      </div>
      <div class="pair">
        <Number id="amps" label="Takes at most, A" value={amps} set={setAmps} min="0" max="80" step="any" />
        <Phases id="phases" label="Phases" value={phases} set={setPhases} />
        <Button run={run} words={["ev", `max_amps=${amps}`, `phases=${phases}`, at]}>Set car</Button>
      </div>
    </section>
  );
}

export function Card({ run, number }) {
  const [token, setToken] = useState("04A2B3C4D5E680");
  const swipe = (event) => {
    event.preventDefault();
    run(["swipe", `token=${token}`, `connector=${number}`]);
  };
  return (
    <section class="card">
      <h2>Card</h2>
      <form class="pair" onSubmit={swipe}>
        <Field id="token" label="Number">
          <input id="token" value={token} onInput={(event) => setToken(event.target.value)} maxlength="100" required />
        </Field>
        <button>Swipe</button>
      </form>
    </section>
  );
}

export function Supply({ run, status }) {
  const [volts, setVolts] = useState("230");
  const [phases, setPhases] = useState("3");
  const [seconds, setSeconds] = useState("2");
  const [scale, setScale] = useState("1");
  const up = status.network === "up";
  return (
    <section class="card">
      <h2>Mains and network</h2>
      <div class="pair">
        <Number id="volts" label="Mains, V" value={volts} set={setVolts} min="0" max="400" step="any" />
        <Phases id="mains-phases" label="Mains phases" value={phases} set={setPhases} />
        <Button run={run} words={["mains", `volts=${volts}`, `phases=${phases}`]}>Set mains</Button>
      </div>
      <div class="pair">
        <Number id="seconds" label="No power for, s" value={seconds} set={setSeconds} min="0" max="600" step="any" />
        <Button run={run} words={["power_cut", `seconds=${seconds}`]} class="danger">Cut power</Button>
      </div>
      <div class="pair">
        <Number id="scale" label="Time runs, times" value={scale} set={setScale} min="1" max="100" step="any" />
        <Button run={run} words={["time_scale", scale]}>Set time</Button>
      </div>
      <div class="row">
        <Button run={run} words={[up ? "network_down" : "network_up"]} class="plain">{up ? "Cut network" : "Network back"}</Button>
        <Button run={run} words={["reboot"]} class="plain">Reset button</Button>
        <Button run={run} words={["button"]} class="plain">Push button</Button>
      </div>
    </section>
  );
}

export function Faults({ run, number, raised }) {
  const [name, setName] = useState("GroundFailure");
  const at = `connector=${number}`;
  return (
    <section class="card">
      <h2>Faults</h2>
      <div class="pair">
        <Field id="fault" label="Fault">
          <select id="fault" value={name} onChange={(event) => setName(event.target.value)}>
            {FAULTS.map((fault) => <option key={fault}>{fault}</option>)}
          </select>
        </Field>
        <Button run={run} words={["raise_fault", name, at]} class="danger">Raise</Button>
      </div>
      <ul class="raised">
        {raised.map((fault) => (
          <li key={fault}>{fault} <Button run={run} words={["clear_fault", fault, at]} class="plain">Clear {fault}</Button></li>
        ))}
      </ul>
      <div class="row"><Button run={run} words={["acknowledge"]} class="plain">Acknowledge what is latched</Button></div>
    </section>
  );
}
