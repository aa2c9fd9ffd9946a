import { post } from "../api.js";
import { Card, Confirmed, Fact, Field } from "../parts.jsx";
import { useAction, useApp } from "../state.jsx";
import { duration, moment, t, translated } from "../text.js";
import { Languages } from "./login.jsx";

function Update({ update, mayInstall }) {
  const [act, busy] = useAction();
  if (!update) return null;
  return (
    <Card title={t("update")} id="update">
      <dl class="facts">
        <Fact name={t("version")}>{update.version}</Fact>
        <Fact name={t("offer")}>{update.offer ? update.offer.version : t("noOffer")}</Fact>
        {update.loading && <Fact name={t("loadingUpdate")}>
          {update.loading}: {update.percent} %
        </Fact>}
      </dl>
      {update.loading && <progress aria-label={t("loadingUpdate")} max="100" value={update.percent} />}
      {update.why && <p class="error">{t("updateFailed", translated(update.why))}</p>}
      {update.altered && <p class="error" role="alert">{t("firmwareAltered")}</p>}
      {update.awaits_backend && mayInstall && (
        <>
          <p>{t("onTrial")}</p>
          <button disabled={busy} onClick={() => act(() => post("/api/confirm_update"), t("done.acknowledge"))}>{t("confirmUpdate")}</button>
        </>
      )}
      {update.offer && mayInstall && (
        <button disabled={busy} onClick={() => act(() => post("/api/update"), t("done.update"))}>{t("install")}</button>
      )}
    </Card>
  );
}

function Pin({ session }) {
  const [act, busy] = useAction();
  const app = useApp();
  const roles = ["owner", "user", "installer"].filter((role) => session.actions.includes(`pin.${role}`));
  async function change(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    if (form.get("new") !== form.get("again")) {
      app.tell(t("pinsDiffer"), true);
      return;
    }
    const wish = { current: form.get("current"), pin: form.get("new"), role: form.get("for") };
    const refused = ({ message }) => message.startsWith("A PIN ") && !app.tell(t("pinRule"), true);
    if (await act(() => post("/api/pin", wish), t("done.pin"), refused)) event.target.reset();
  }
  return (
    <Card title={t("pin")} id="pin-change">
      <form onSubmit={change}>
        {roles.length > 1
          ? <Field label={t("pinFor")} name="for">
              <select id="for" name="for">
                {roles.map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}
              </select>
            </Field>
          : <input type="hidden" name="for" value={roles[0]} />}
        <Field label={t("pinCurrent")} name="current">
          <input id="current" name="current" type="password" inputMode="numeric" autocomplete="current-password" required />
        </Field>
        <Field label={t("pinNew")} name="new" hint={t("pinRule")}>
          <input id="new" name="new" type="password" inputMode="numeric" autocomplete="new-password" required minLength={8}
            aria-describedby="new-hint" />
        </Field>
        <Field label={t("pinAgain")} name="again">
          <input id="again" name="again" type="password" inputMode="numeric" autocomplete="new-password" required />
        </Field>
        <button disabled={busy}>{t("pinChange")}</button>
      </form>
    </Card>
  );
}

function Clock({ status }) {
  const [act, busy] = useAction();
  const now = () => `${new Date().toISOString().slice(0, 19)}Z`;
  return (
    <Card title={t("clock")} id="clock">
      <p>{moment(status.utc)}</p>
      <button class="plain" disabled={busy} onClick={() => act(() => post("/api/clock", { utc: now() }), t("done.clock"))}>
        {t("clockSet")}
      </button>
    </Card>
  );
}

function Danger({ session }) {
  const [act, busy] = useAction();
  const may = (right) => session.actions.includes(right);
  const reset = (kind) => act(() => post("/api/reset", { kind }), t("done.restart"));
  return (
    <Card title={t("care")} id="care">
      <div class="row">
        {may("restart") && <Confirmed label={t("restart")} question={t("restartAsk")} disabled={busy} act={() => reset("restart")} />}
        {may("erase") && <Confirmed danger label={t("erase")} question={t("eraseAsk")} disabled={busy}
          act={() => act(() => post("/api/erase"), t("done.restart"))} />}
        {may("reset") && <Confirmed danger label={t("factory")} question={t("factoryAsk")} disabled={busy} act={() => reset("factory")} />}
      </div>
    </Card>
  );
}

export function Unit({ status, session }) {
  const app = useApp();
  const { wifi } = status;
  return (
    <>
      <h1>{t("nav.unit")}</h1>
      <Card title={t("about")} id="about">
        <dl class="facts">
          <Fact name={t("loggedIn")}>{t(`role.${session.role}`)}</Fact>
          <Fact name={t("firmware")}>{status.firmware}</Fact>
          <Fact name={t("supportUntil")}>{status.support_until || t("notSaid")}</Fact>
          <Fact name={t("running")}>{duration(status.uptime_ms / 1000)}</Fact>
          <Fact name={t("backEnd")}>{t(status.csms && status.csms.connected ? "connected" : "notConnected")}</Fact>
          {wifi && <Fact name={wifi.wired ? "Ethernet" : "Wi-Fi"}>{wifi.up ? `${wifi.ip}${wifi.rssi ? `, ${wifi.rssi} dBm` : ""}` : t("notConnected")}</Fact>}
        </dl>
        <div class="row">
          {session.actions.includes("log") && <a class="button plain" href="#/log">{t("log")}</a>}
          <a class="button plain" href="#/label">{t("label")}</a>
          <button class="plain" onClick={app.logout}>{t("logout")}</button>
        </div>
        <Languages />
      </Card>
      <Update update={status.update} mayInstall={session.actions.includes("update")} />
      <Pin session={session} />
      {session.actions.includes("clock") && <Clock status={status} />}
      <Danger session={session} />
    </>
  );
}
