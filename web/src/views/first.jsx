// First use: a unit that knows no network asks for it; the PIN of the label is the unit's own and may stay.
import { put } from "../api.js";
import { Card, Field } from "../parts.jsx";
import { useAction } from "../state.jsx";
import { t } from "../text.js";

export const isFirstUse = (status, session) =>
  Boolean(status.wifi) && !status.wifi.known && !status.wifi.up && session.actions.includes("network");

export function FirstUse() {
  const [act, busy] = useAction();
  function join(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    act(() => put("/api/settings", { WifiName: form.get("name"), WifiPassword: form.get("password") }), t("done.saved"));
  }
  return (
    <Card title={t("firstUse")} id="first-use">
      <p>{t("firstUseText")}</p>
      <form onSubmit={join}>
        <Field label={t("set.WifiName")} name="name">
          <input id="name" name="name" required maxLength={32} autocapitalize="none" autocomplete="off" />
        </Field>
        <Field label={t("set.WifiPassword")} name="password">
          <input id="password" name="password" type="password" required minLength={8} maxLength={63} autocomplete="off" />
        </Field>
        <button disabled={busy}>{t("join")}</button>
      </form>
    </Card>
  );
}

// What became of it: shown while the set-up network is still open beside the network at home.
export function Joining({ wifi }) {
  if (!wifi || !wifi.known || !wifi.setup_s) return null;
  return <p class="banner" role="status">{wifi.up ? t("joined", wifi.ip) : t("joining")}</p>;
}
