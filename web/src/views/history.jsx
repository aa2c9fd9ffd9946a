import { useState } from "preact/hooks";
import { Bars, Card, Fact, saveFile } from "../parts.jsx";
import { allSessions } from "../sessions.js";
import { useAction, useLoaded } from "../state.jsx";
import { cost, duration, kwh, moment, monthName, number, price, setPrice, t } from "../text.js";

const COLUMNS = ["id", "connector", "start", "end", "estimated", "duration_s", "charging_s", "import_wh", "export_wh", "max_w",
  "mean_w", "reason", "id_tag"];

// A field that a spreadsheet takes as text, never as a formula.
function cell(value) {
  if (value === null) return "";
  const text = String(value);
  return typeof value === "string" ? `"${(/^[=+\-@]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"` : text;
}

const iso = (seconds) => (seconds === null ? null : new Date(seconds * 1000).toISOString());

function csvOf(sessions) {
  const rows = sessions.map((session) => COLUMNS.map((name) =>
    cell(name === "start" || name === "end" ? iso(session[name]) : session[name])).join(","));
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

function Months() {
  const [loaded, error] = useLoaded("/api/history?view=months");
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!loaded) return <p class="loading" role="status">{t("loading")}</p>;
  const rows = loaded.months.map(({ month, import_wh: energy }) => ({
    name: monthName(month, { month: "long", year: "numeric" }), label: monthName(month, { month: "narrow" }),
    value: energy, shown: number(energy / 1000, 1),
  }));
  if (!rows.length) return <p>{t("noMonths")}</p>;
  if (!rows.some(({ value }) => value > 0)) return <p>{t("noEnergy")}</p>;
  return <Bars rows={rows} unit="kWh" caption={t("months")} />;
}

function Year() {
  const [loaded] = useLoaded("/api/history?view=year");
  if (!loaded) return null;
  return (
    <dl class="facts">
      <Fact name={t("year")}>{kwh(loaded.import_wh)}</Fact>
      {price() > 0 && <Fact name={t("cost")}>{cost(loaded.import_wh)}</Fact>}
      <Fact name={t("chargingTime")}>{duration(loaded.charging_s)}</Fact>
    </dl>
  );
}

function Sessions() {
  const [before, setBefore] = useState(null);
  const [loaded, error] = useLoaded(`/api/history?count=10${before === null ? "" : `&before=${before}`}`);
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!loaded) return <p class="loading" role="status">{t("loading")}</p>;
  if (!loaded.sessions.length) return <p>{t("noSessions")}</p>;
  return (
    <>
      <ul class="list">
        {loaded.sessions.map((session) => (
          <li key={session.id}>
            <b>{kwh(session.import_wh)}</b>{price() > 0 && <span>{cost(session.import_wh)}</span>}
            <span>{moment(session.end)}</span>
            {session.charging_s !== null && <span>{duration(session.charging_s)}</span>}
            {session.id_tag && <span>{session.id_tag}</span>}
          </li>
        ))}
      </ul>
      <div class="row">
        {before !== null && <button class="plain" onClick={() => setBefore(null)}>{t("newest")}</button>}
        {loaded.before !== null && <button class="plain" onClick={() => setBefore(loaded.before)}>{t("older")}</button>}
      </div>
    </>
  );
}

function Price({ changed }) {
  return (
    <form class="row" onSubmit={(event) => { event.preventDefault(); setPrice(new FormData(event.target).get("price")); changed(); }}>
      <label for="price">{t("price")}</label>
      <input id="price" name="price" type="number" min="0" max="10" step="0.0001" defaultValue={price() || ""} />
      <button class="plain">{t("save")}</button>
    </form>
  );
}

export function History() {
  const [act, busy] = useAction();
  const [, setRound] = useState(0);
  const save = (name, type, text) => act(async () => saveFile(name, type, text(await allSessions())), t("done.saved"));
  return (
    <>
      <h1>{t("nav.history")}</h1>
      <Card title={t("months")} id="months"><Months /><Year /></Card>
      <Card title={t("sessions")} id="sessions">
        <Sessions />
        <div class="row">
          <button class="plain" disabled={busy} onClick={() => save("sessions.csv", "text/csv", csvOf)}>{t("saveAs", "CSV")}</button>
          <button class="plain" disabled={busy} onClick={() => save("sessions.json", "application/json",
            (sessions) => JSON.stringify(sessions, null, 1))}>{t("saveAs", "JSON")}</button>
          <a class="button plain" href="#/invoice">{t("invoice")}</a>
        </div>
      </Card>
      <Card title={t("cost")} id="cost">
        <p class="hint">{t("priceHint")}</p>
        <Price changed={() => setRound((round) => round + 1)} />
      </Card>
    </>
  );
}
