// A month's sessions with their cost, to print or to keep as PDF: for an employer, a tenant, a neighbour.
import { useEffect, useState } from "preact/hooks";
import { Card, Field } from "../parts.jsx";
import { useAction } from "../state.jsx";
import { allSessions } from "../sessions.js";
import { day, kwh, monthName, number, price, t } from "../text.js";

const KEPT = "invoice"; // names and currency, in this browser only

const dateOf = ({ end }) => new Date(end * 1000);
const monthOf = (session) => `${dateOf(session).getFullYear()}-${String(dateOf(session).getMonth() + 1).padStart(2, "0")}`;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    return {};
  }
}

function Names({ names, change }) {
  const field = (name, label, Tag = "textarea") => (
    <Field label={label} name={`invoice-${name}`}>
      <Tag id={`invoice-${name}`} rows={3} maxLength={300} defaultValue={names[name] || ""}
        onInput={(event) => change({ ...names, [name]: event.target.value })} />
    </Field>
  );
  return (
    <>
      {field("from", t("invoiceFrom"))}
      {field("to", t("invoiceTo"))}
      {field("currency", t("currency"), "input")}
    </>
  );
}

// Each row is rounded as it is shown, so that the sum is that of the shown rows.
function Table({ sessions, currency }) {
  const costOf = ({ import_wh: energy }) => Math.round((energy / 10) * price()) / 100;
  const energy = sessions.reduce((sum, session) => sum + session.import_wh, 0);
  const total = sessions.reduce((sum, session) => sum + costOf(session), 0);
  const money = (value) => `${number(value, 2)} ${currency}`;
  return (
    <table class="sums">
      <thead>
        <tr><th scope="col">{t("date")}</th><th scope="col">{t("charged")}</th>{price() > 0 && <th scope="col">{t("cost")}</th>}</tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <tr key={session.id}>
            <td>{day(session.end)}</td><td>{kwh(session.import_wh)}</td>{price() > 0 && <td>{money(costOf(session))}</td>}
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr><th scope="row">{t("sum")}</th><td>{kwh(energy)}</td>{price() > 0 && <td>{money(total)}</td>}</tr>
      </tfoot>
    </table>
  );
}

export function Invoice() {
  const [act] = useAction();
  const [sessions, setSessions] = useState(null);
  const [month, setMonth] = useState("");
  const [names, setNames] = useState(kept);
  const change = (value) => {
    localStorage.setItem(KEPT, JSON.stringify(value));
    setNames(value);
  };
  useEffect(() => {
    act(allSessions).then((found) => found && setSessions(found.filter(({ end }) => end !== null)));
  }, []);
  if (!sessions) return <p class="loading" role="status">{t("loading")}</p>;
  const months = [...new Set(sessions.map(monthOf))].sort().reverse();
  const shown = month || months[0];
  const rows = sessions.filter((session) => monthOf(session) === shown).reverse();
  return (
    <>
      <div class="screen">
        <h1>{t("invoice")}</h1>
        <Card title={t("invoiceFor")} id="invoice-names">
          {months.length > 0 && <Field label={t("month")} name="invoice-month">
            <select id="invoice-month" value={shown} onChange={(event) => setMonth(event.target.value)}>
              {months.map((one) => <option key={one} value={one}>{monthName(one, { month: "long", year: "numeric" })}</option>)}
            </select>
          </Field>}
          <Names names={names} change={change} />
          <p class="hint">{t("invoiceHint")}</p>
          {!(price() > 0) && <p class="hint">{t("invoicePrice")}</p>}
          <div class="row">
            <button disabled={!rows.length} onClick={() => print()}>{t("print")}</button>
            <a class="button plain" href="#/history">{t("nav.history")}</a>
          </div>
        </Card>
      </div>
      {rows.length
        ? <section class="card paper" aria-labelledby="invoice-title">
            <p class="address">{names.from}</p>
            <p class="address">{names.to}</p>
            <h2 id="invoice-title">{t("invoiceTitle", monthName(shown, { month: "long", year: "numeric" }))}</h2>
            <Table sessions={rows} currency={names.currency || ""} />
            {price() > 0 && <p class="hint">{t("price")}: {number(price(), 4)} {names.currency}</p>}
          </section>
        : <p>{t("noSessions")}</p>}
    </>
  );
}
