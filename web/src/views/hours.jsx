import { useState } from "preact/hooks";
import { put } from "../api.js";
import { Card, Fact } from "../parts.jsx";
import { useAction, useApp, useLoaded } from "../state.jsx";
import { duration, locale, moment, t } from "../text.js";
import { Departure } from "./plan.jsx";

const MOST = 10;

// "1-5 22:00-24:00;6-7 00:00-24:00" and a list of { from, to, begin, end }; the charger takes one day or a range of days.
function parsed(text) {
  return text.split(";").filter(Boolean).map((window) => {
    const [days, times] = window.split(" ");
    const [from, to = from] = days.split("-");
    const [begin, end] = times.split("-");
    return { from, to, begin, end };
  });
}

// Days that go on over a Sunday are two windows.
const written = (rows) => rows.flatMap((row) => (row.from > row.to ? [{ ...row, to: "7" }, { ...row, from: "1" }] : row))
  .map(({ from, to, begin, end }) => `${from === to ? from : `${from}-${to}`} ${begin}-${end === "00:00" ? "24:00" : end}`).join(";");

function dayName(day) {
  return new Date(2024, 0, Number(day)).toLocaleDateString(locale(), { weekday: "short" });
}

function Day({ label, value, set }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => set(event.target.value)}>
      {["1", "2", "3", "4", "5", "6", "7"].map((day) => <option key={day} value={day}>{dayName(day)}</option>)}
    </select>
  );
}

function Window({ row, set, remove }) {
  const change = (name) => (value) => set({ ...row, [name]: value });
  const time = (name) => (event) => change(name)(event.target.value);
  return (
    <fieldset class="window">
      <Day label={t("fromDay")} value={row.from} set={change("from")} />
      <Day label={t("toDay")} value={row.to} set={change("to")} />
      <input type="time" aria-label={t("begin")} required value={row.begin} onInput={time("begin")} />
      <input type="time" aria-label={t("end")} required value={row.end === "24:00" ? "00:00" : row.end} onInput={time("end")} />
      <button type="button" class="plain" aria-label={t("remove")} onClick={remove}>×</button>
    </fieldset>
  );
}

function Windows({ windows, busy, save }) {
  const [rows, setRows] = useState(() => parsed(windows));
  const replaced = (at, row) => rows.map((old, other) => (other === at ? row : old));
  return (
    <form onSubmit={(event) => { event.preventDefault(); save(written(rows)); }}>
      {rows.map((row, at) => (
        <Window key={at} row={row} set={(fresh) => setRows(replaced(at, fresh))}
          remove={() => setRows(rows.filter((_, other) => other !== at))} />
      ))}
      <div class="row">
        {rows.length < MOST && <button type="button" class="plain"
          onClick={() => setRows([...rows, { from: "1", to: "7", begin: "22:00", end: "06:00" }])}>{t("addWindow")}</button>}
        {rows.length > 0 && <button disabled={busy}>{t("save")}</button>}
      </div>
    </form>
  );
}

export function WindowList({ windows }) {
  return (
    <ul class="list">
      {parsed(windows).map(({ from, to, begin, end }) => (
        <li key={from + begin}><b>{dayName(from)}{to !== from && ` – ${dayName(to)}`}</b> {begin} – {end}</li>
      ))}
    </ul>
  );
}

// The country's hours, or none.
export function HoursChoice({ hours, reload }) {
  const [act, busy] = useAction();
  const choose = (choice) => act(() => put("/api/hours", { choice }).finally(reload), t("done.saved"));
  return (
    <div class="row">
      {["accept", "remove"].map((choice) => (
        <button key={choice} class="plain" aria-pressed={hours.choice === choice} disabled={busy} onClick={() => choose(choice)}>
          {t(`hours.${choice}`)}
        </button>
      ))}
    </div>
  );
}

export function Hours({ status, session }) {
  const all = Object.entries(status.connectors);
  const [hours, error, reload] = useLoaded("/api/hours");
  const [act, busy] = useAction();
  const app = useApp();
  const mayChange = session.actions.includes("schedule");
  const refused = ({ status: code }) => code === 400 && !app.tell(t("hoursMany"), true); // what else could be wrong cannot be entered
  const choose = (wish) => act(() => put("/api/hours", wish).finally(reload), t("done.saved"), refused);
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!hours) return <p class="loading" role="status">{t("loading")}</p>;
  return (
    <>
      <h1>{t("nav.hours")}</h1>
      <Card title={t("hours")} id="hours">
        <p>{t("hoursText")}</p>
        {mayChange && hours.default && !hours.choice && <p class="banner">{t("hoursChoose")}</p>}
        <dl class="facts">
          <Fact name={t("hoursNow")}>{t(hours.open ? "yes" : "no")}</Fact>
          <Fact name={t("localTime")}>{moment(hours.local_time)}</Fact>
          {hours.delay_max_s > 0 && <Fact name={t("delayMost")}>{duration(hours.delay_max_s)}</Fact>}
        </dl>
        {mayChange && hours.default && <HoursChoice hours={hours} reload={reload} />}
        {mayChange && <Windows key={hours.windows} windows={hours.windows} busy={busy}
          save={(windows) => choose({ choice: "change", windows })} />}
      </Card>
      {all.map(([id, connector]) => (
        <Departure key={id} id={id} connector={connector} alone={all.length === 1} utc={status.utc} mayChange={mayChange} />
      ))}
    </>
  );
}
