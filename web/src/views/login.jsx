import { useEffect, useState } from "preact/hooks";
import { login } from "../api.js";
import { Field } from "../parts.jsx";
import { useApp, words } from "../state.jsx";
import { LANGUAGES, t } from "../text.js";

export function Languages({ id = "language" }) {
  const app = useApp();
  return (
    <Field label={t("language")} name={id}>
      <select id={id} value={app.language} onChange={(event) => app.speak(event.target.value)}>
        {Object.entries(LANGUAGES).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
      </select>
    </Field>
  );
}

// Seconds that are left, counted down.
function useWait() {
  const [end, setEnd] = useState(0);
  const [now, setNow] = useState(0);
  const left = Math.max(0, Math.ceil((end - now) / 1000));
  useEffect(() => {
    if (!left) return undefined;
    const timer = setTimeout(() => setNow(Date.now()), 500);
    return () => clearTimeout(timer);
  }, [left, now]);
  return [left, (seconds) => {
    const start = Date.now();
    setNow(start);
    setEnd(start + seconds * 1000);
  }];
}

export function Login({ notice, entered }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [left, wait] = useWait();
  async function enter(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    setBusy(true);
    try {
      entered(await login(form.get("role"), form.get("pin")));
    } catch (failure) {
      setError(failure.status === 401 ? t("wrongPin") : words(failure));
      if (failure.waitS) wait(failure.waitS);
    } finally {
      setBusy(false);
    }
  }
  return (
    <main class="login">
      <h1>{t("title")}</h1>
      {notice && <p class="banner" role="status">{notice}</p>}
      <form class="card" onSubmit={enter}>
        <Field label={t("role")} name="role">
          <select id="role" name="role">
            {["owner", "user", "installer"].map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}
          </select>
        </Field>
        <Field label="PIN" hint={t("pinHint")} name="pin">
          <input id="pin" name="pin" type="password" inputMode="numeric" autocomplete="current-password" required
            maxLength={64} aria-describedby="pin-hint" />
        </Field>
        {error && <p class="error" role="alert">{left ? t("waitSeconds", left) : error}</p>}
        <button disabled={busy || left > 0}>{t("login")}</button>
      </form>
      <details>
        <summary>{t("pinForgotten")}</summary>
        <p>{t("pinForgottenText")}</p>
      </details>
      <Languages id="language-login" />
    </main>
  );
}
