// What JSX becomes calls of: the build puts this import into each file with JSX. It is shorter than the automatic runtime.
export { h, Fragment } from "preact";
