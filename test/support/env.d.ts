declare namespace Cloudflare {
  interface Env {
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
  }
}

/** A text of the project, as the bundler gives it. */
declare module '*?raw' {
  const text: string
  export default text
}
