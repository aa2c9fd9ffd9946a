// The charger's page: log in, then one of a few views with the live status.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import css from "page.css";
import { get, post } from "./api.js";
import { App, useLive } from "./state.jsx";
import { choose, chosen, load, t, translated } from "./text.js";
import { Charge } from "./views/charge.jsx";
import { History } from "./views/history.jsx";
import { Hours } from "./views/hours.jsx";
import { House } from "./views/house.jsx";
import { Invoice } from "./views/invoice.jsx";
import { Label } from "./views/label.jsx";
import { Log } from "./views/log.jsx";
import { Login } from "./views/login.jsx";
import { Open } from "./views/open.jsx";
import { Settings } from "./views/settings.jsx";
import { Unit } from "./views/unit.jsx";

// What `setup` of the status says of a unit that has a page, as the login says it.
const ALTERED = "This unit's credentials were altered; it must be provisioned again.";
const TOLD_MS = 8000;
const RETRY_MS = 3000;
const VIEWS = {
  charge: { view: Charge, icon: "M13 2 5 14h5l-1 8 8-12h-5z" },
  history: { view: History, icon: "M4 20V10h4v10zm6 0V4h4v16zm6 0v-7h4v7z", right: "history" },
  hours: { view: Hours, icon: "M12 3a9 9 0 1 0 .1 0zM11 7h2v5l4 2-1 2-5-3z", needs: "grid" },
  house: { view: House, icon: "M12 3 2 12h3v9h14v-9h3zm1 4-1 5h4l-5 7 1-5H8z", right: "network", needs: "grid" },
  settings: { view: Settings, icon: "M4 6h9V4h3v2h4v2h-4v2h-3V8H4zm0 10h4v-2h3v2h9v2h-9v2H8v-2H4z" },
  unit: { view: Unit, icon: "M6 2h12v20H6zm3 3v6h6V5zm2 10h2v3h-2z" },
  invoice: { view: Invoice, right: "history", within: "history" },
  log: { view: Log, right: "log", within: "unit" },
  label: { view: Label, within: "unit" },
};

const KNOWN = "loggedIn"; // whoever was never logged in here is not looked for
const routeOf = () => location.hash.slice(2) || "charge";

function useRoute() {
  const [route, setRoute] = useState(routeOf());
  useEffect(() => {
    const moved = () => setRoute(routeOf());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return route in VIEWS ? route : "charge";
}

const isOpen = ({ right, needs }, session, status) =>
  (!right || session.actions.includes(right)) && (!needs || Boolean(status[needs]));

function Nav({ route, session, status }) {
  const shown = Object.entries(VIEWS).filter(([, view]) => !view.within && isOpen(view, session, status));
  return (
    <nav aria-label={t("menu")}>
      {shown.map(([name, { icon }]) => (
        <a key={name} href={`#/${name}`} aria-current={name === (VIEWS[route].within || route) ? "page" : undefined}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={icon} fill-rule="evenodd" /></svg>
          {t(`nav.${name}`)}
        </a>
      ))}
    </nav>
  );
}

function Page({ session, status, offline, old, route }) {
  const main = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current.focus();
    first.current = false;
  }, [route]);
  const name = isOpen(VIEWS[route], session, status) ? route : "charge";
  const View = VIEWS[name].view;
  return (
    <>
      <a class="skip" href={`#/${route}`} onClick={() => main.current.focus()}>{t("skip")}</a>
      <Nav route={name} session={session} status={status} />
      {offline && <p class="banner" role="alert">{t("offline")} {t("stale", offline)}</p>}
      {status.setup && <p class="banner" role="alert">{translated(ALTERED)}</p>}
      {old && <div class="banner" role="alert">{t("newPage")} <button onClick={() => location.reload()}>{t("reload")}</button></div>}
      <main ref={main} tabIndex={-1} data-view={name}><View session={session} status={status} offline={Boolean(offline)} /></main>
    </>
  );
}

function Whole() {
  const [session, setSession] = useState(undefined); // undefined: not yet known; null: nobody is logged in
  const [notice, setNotice] = useState("");
  const [told, setTold] = useState(null);
  const [language, setLanguage] = useState(document.documentElement.lang);
  const [unreached, setUnreached] = useState(false);
  const [locked, setLocked] = useState(false); // the session has ended: what was typed waits below the login
  const [logins, setLogins] = useState(0);
  const [door, setDoor] = useState(false); // the login is asked for, or the owner shows nobody the state without it
  const [old, setOld] = useState(false); // an update has brought another page, and something is typed into this one
  const typed = useRef(false);
  const timer = useRef(0);
  const route = useRoute();
  const renew = () => (typed.current ? setOld(true) : location.reload());
  useEffect(() => {
    typed.current = false; // with its view
    if (old) location.reload();
  }, [route]);
  const enter = (value) => {
    localStorage.setItem(KNOWN, "yes");
    setNotice("");
    setLocked(false);
    setLogins(logins + 1);
    setSession(value);
  };
  const out = (why) => {
    localStorage.removeItem(KNOWN);
    setLocked(false);
    setDoor(false);
    setSession(null);
    setNotice(why);
  };
  const app = {
    language,
    logins,
    tell(text, bad = false) {
      clearTimeout(timer.current);
      setTold({ text, bad });
      timer.current = setTimeout(() => setTold(null), TOLD_MS);
    },
    expired() {
      setNotice(t("expired"));
      setLocked(true);
    },
    speak: (name) => choose(name).then(() => setLanguage(name)),
    logout: () => post("/api/logout").catch(() => {}).then(() => out("")),
  };
  const [status, offline] = useLive(Boolean(session) && !locked, app.expired, renew);
  const [open, openOffline] = useLive(session === null && !door, () => setDoor(true), renew, "/api/state");
  useEffect(() => {
    let timeout = 0;
    const ask = () => get("/api/session").then(setSession, (error) => {
      if (error.status === 401) {
        out(t("expired"));
        return;
      }
      setUnreached(true);
      timeout = setTimeout(ask, RETRY_MS);
    });
    if (localStorage.getItem(KNOWN)) ask();
    else setSession(null);
    return () => clearTimeout(timeout);
  }, []);
  let shown = <p class="wait" role="status">{t(unreached ? "offline" : "loading")}</p>;
  const page = session && status &&
    <Page key={language + session.role} session={session} status={status} offline={offline} old={old} route={route} />;
  if (session === null && !door && open) {
    shown = <Open connectors={open.connectors} offline={openOffline} login={() => setDoor(true)} />;
  } else if (session === null ? door || openOffline : locked || page) {
    shown = (
      <>
        {(session === null || locked) &&
          <div onInput={() => setDoor(true)}><Login notice={notice} entered={enter} /></div>}
        <div hidden={locked} onInput={() => { typed.current = true; }}>{page}</div>
      </>
    );
  }
  return (
    <App.Provider value={app}>
      {shown}
      <div class="told" role="status">{told && <p class={told.bad ? "bad" : ""}>{told.text}</p>}</div>
    </App.Provider>
  );
}

async function start() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
  await load(chosen());
  const root = document.getElementById("app");
  root.textContent = "";
  render(<Whole />, root);
}

start();
