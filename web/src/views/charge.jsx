import { useState } from "preact/hooks";
import { post } from "../api.js";
import { Card, Fact } from "../parts.jsx";
import { useAction } from "../state.jsx";
import { cost, duration, kwh, moment, number, price, t, translated } from "../text.js";
import { FirstUse, Joining, isFirstUse } from "./first.jsx";

const LEAST_A = 6;
const MOST_A = 32;
const BUSY = ["Charging", "SuspendedEV", "SuspendedEVSE"];

// The limit that holds is shown; the slider begins there.
function Limit({ ask, busy, id, now }) {
  const [amps, setAmps] = useState(now || 16);
  return (
    <details>
      <summary>{t("limit")}{now !== null && `: ${number(now, 1)} A`}</summary>
      <div class="field">
        <label for={`amps-${id}`}>{t("limitTo")}</label>
        <div class="row">
          <input id={`amps-${id}`} type="range" min={LEAST_A} max={MOST_A} value={amps}
            aria-valuetext={`${amps} A`} onInput={(event) => setAmps(Number(event.target.value))} />
          <output for={`amps-${id}`}>{amps} A</output>
        </div>
      </div>
      <div class="row">
        <button disabled={busy} onClick={() => ask("limit", "done.limit", { amps })}>{t("setLimit")}</button>
        <button class="plain" disabled={busy || now === null} onClick={() => ask("limit", "done.noLimit")}>{t("noLimit")}</button>
      </div>
    </details>
  );
}

// Without a session only the closed charging hours matter.
function Plan({ plan, inSession, closed }) {
  if (!plan || !(inSession || closed)) return null;
  return (
    <>
      {!inSession && <p>{t("hoursClosed")}</p>}
      {plan.delay_s !== null && <p>{t("delay", duration(plan.delay_s))}</p>}
      {plan.next_change !== null && <p>{t("nextChange", moment(plan.next_change))}</p>}
      {plan.override && <p>{t("overridden")}</p>}
    </>
  );
}

function Buttons({ connector, ask, busy }) {
  const running = BUSY.includes(connector.ocpp_status);
  const { plan, paused } = connector;
  return (
    <div class="row">
      {running
        ? <button class="big danger" disabled={busy} onClick={() => ask("stop", "done.stop")}>{t("stop")}</button>
        : <button class="big" disabled={busy} onClick={() => ask("start", "done.start")}>{t("start")}</button>}
      {(running || paused) && <button class={paused ? "" : "plain"} disabled={busy}
        onClick={() => ask(paused ? "resume" : "pause", paused ? "done.resume" : "done.pause")}>{t(paused ? "resume" : "pause")}</button>}
      {running && plan && plan.delay_s !== null &&
        <button disabled={busy} onClick={() => ask("skip", "done.now")}>{t("skipDelay")}</button>}
      {running && plan && !plan.override && connector.ocpp_status === "SuspendedEVSE" &&
        <button disabled={busy} onClick={() => ask("now", "done.now")}>{t("now")}</button>}
    </div>
  );
}

// By the prices that the charger knows; else by the price that this browser keeps.
function Cost({ connector }) {
  const known = connector.session_cost;
  if (known === null || known === undefined) return price() > 0 && <Fact name={t("cost")}>{cost(connector.session_wh)}</Fact>;
  return <Fact name={t("cost")}>{number(known, 2)}</Fact>;
}

// What a connector does; `children` is what only a person who is logged in sees.
export function State({ connector, children }) {
  const state = connector.ocpp_status;
  return (
    <div class={`state ${state}`}>
      <h1>{t(`state.${state}`)}</h1>
      <p class="power"><b>{connector.power_w === null ? "–" : number(connector.power_w / 1000, 1)}</b> kW</p>
      {state === "Available" && <p>{t(connector.paused ? "pausedNext" : "plugIn")}</p>}
      {connector.reason && <p class="reason">{translated(connector.reason)}</p>}
      {children}
    </div>
  );
}

const inSession = ({ session_wh: energy }) => energy !== null && energy !== undefined;

export function Facts({ connector }) {
  const session = inSession(connector);
  const plugged = connector.ocpp_status !== "Available";
  return (
    <dl class="facts">
      {session && <Fact name={t("charged")}>{kwh(connector.session_wh)}</Fact>}
      {session && <Cost connector={connector} />}
      {session && <Fact name={t("since")}>{connector.session_s === null ? t("unknown") : duration(connector.session_s)}</Fact>}
      {plugged && <Fact name={t("offered")}>{number(connector.offered_amps, 1)} A</Fact>}
      {plugged && <Fact name={t("limitedBy")}>{translated(connector.limit)}</Fact>}
      <Fact name={t("meter")}>{kwh(connector.energy_wh)}</Fact>
    </dl>
  );
}

function Connector({ id, connector, session, alone, closed }) {
  const [act, busy] = useAction();
  const ask = (action, done, more) => act(
    () => post("/api/charge", { connector: Number(id), action, ...more }), t(done));
  return (
    <Card title={alone ? null : t("connector", id)} id={`connector-${id}`}>
      <State connector={connector}>
        <Plan plan={connector.plan} inSession={inSession(connector)} closed={closed} />
      </State>
      <Facts connector={connector} />
      {session.actions.includes("charge") && <Buttons connector={connector} ask={ask} busy={busy} />}
      {session.actions.includes("charge") && <Limit ask={ask} busy={busy} id={id} now={connector.limit_amps} />}
    </Card>
  );
}

function Attention({ status, session }) {
  const [act, busy] = useAction();
  const faulted = Object.values(status.connectors).some(({ ocpp_status: state }) => state === "Faulted");
  if (!session.actions.includes("acknowledge") || !(faulted || (status.tamper && status.tamper.latched))) return null;
  return (
    <Card title={t("attention")} id="attention">
      <p>{t("attentionText")}</p>
      <button disabled={busy} onClick={() => act(() => post("/api/acknowledge"), t("done.acknowledge"))}>
        {t("acknowledge")}
      </button>
    </Card>
  );
}

export function Charge({ status, session, offline }) {
  const all = Object.entries(status.connectors);
  const first = isFirstUse(status, session);
  const hoursWait = status.grid && !status.grid.hours_chosen && session.actions.includes("schedule");
  return (
    <>
      {first && <FirstUse hours={hoursWait} />}
      <Joining wifi={status.wifi} />
      {hoursWait && !first &&
        <p class="banner"><a href="#/hours">{t("hoursChoose")}</a></p>}
      <Attention status={status} session={session} />
      <fieldset disabled={offline} class={offline ? "old" : ""}>
        {all.map(([id, connector]) => (
          <Connector key={id} id={id} connector={connector} session={session} alone={all.length === 1}
            closed={Boolean(status.grid) && !status.grid.hours_open} />
        ))}
      </fieldset>
    </>
  );
}
