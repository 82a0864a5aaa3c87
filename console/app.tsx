import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso'
import { me } from './api/session.ts'
import { readMe } from './api/standing.ts'
import { SignIn } from './screens/sign-in.tsx'
import { Boundary, Unloaded } from './ui/boundary.tsx'
import { Confirmation } from './ui/dialog.tsx'
import { Shell } from './ui/shell.tsx'
import { NotFound } from './ui/states.tsx'
import { Toasts } from './ui/toasts.tsx'

// Each screen is loaded when it is first opened.
const Chat = screen(() => import('./screens/chat/chat.tsx').then(({ Chat }) => Chat))
const Channels = screen(() => import('./screens/channels/channels.tsx').then(({ Channels }) => Channels))
const Chatbots = screen(() => import('./screens/chatbots/chatbots.tsx').then(({ Chatbots }) => Chatbots))
const Chatbot = screen(() => import('./screens/chatbots/chatbot.tsx').then(({ Chatbot }) => Chatbot))
const Admin = screen(() => import('./screens/admin/admin.tsx').then(({ Admin }) => Admin))
const Account = screen(() => import('./screens/account/account.tsx').then(({ Account }) => Account))

// Where mails and shared links lead: open to everybody, signed in or not.
const ForgotPassword = screen(() =>
  import('./screens/account/forgot-password.tsx').then(({ ForgotPassword }) => ForgotPassword),
)
const ResetPassword = screen(() =>
  import('./screens/account/reset-password.tsx').then(({ ResetPassword }) => ResetPassword),
)
const VerifyEmail = screen(() => import('./screens/account/verify-email.tsx').then(({ VerifyEmail }) => VerifyEmail))
const Shared = screen(() => import('./screens/shared/shared.tsx').then(({ Shared }) => Shared))

/** A screen whose script cannot be had says so: there may be a newer version, whose scripts have other names. */
function screen<T>(load: () => Promise<ComponentType<T>>) {
  return lazy(() => load().catch((): ComponentType<T> => Unloaded))
}

const OPEN = /^\/app\/(forgot|reset|verify|shared\/[^/]+)$/

export const App = () => (
  <LocationProvider scope="/app">
    <Screen />
    <Confirmation />
    <Toasts />
  </LocationProvider>
)

const Screen = () => {
  const { path } = useLocation()
  if (OPEN.test(path)) return <Open />
  // Another user begins with nothing of the one before.
  return me.value ? <SignedIn key={me.value.id} /> : <SignedOut />
}

const Open = () => {
  const { path } = useLocation()
  return (
    <Boundary path={path}>
      <Router>
        <Route path="/app/forgot" component={ForgotPassword} />
        <Route path="/app/reset" component={ResetPassword} />
        <Route path="/app/verify" component={VerifyEmail} />
        <Route path="/app/shared/:token" component={Shared} />
      </Router>
    </Boundary>
  )
}

const SignedOut = () => {
  const { path } = useLocation()
  return <SignIn isNew={path === '/app/register'} />
}

function SignedIn() {
  const { path } = useLocation()
  // What is known of them may be old. Without an answer it is still good enough.
  useEffect(() => void readMe().catch(() => {}), [])
  return (
    <Shell>
      <Boundary path={path}>
        <Router>
          <Route path="/app/chat/:id?" component={Chat} />
          <Route path="/app/channels/:id?" component={Channels} />
          <Route path="/app/chatbots" component={Chatbots} />
          <Route path="/app/chatbots/:id/:part?" component={Chatbot} />
          <Route path="/app/account/:part?" component={Account} />
          <Route path="/app/upgrade" component={Upgrade} />
          <Route path="/app/admin/:section?/:id?" component={Admin} />
          <Route path="/app/sign-in" component={Home} />
          <Route path="/app/register" component={Home} />
          <Route path="/app" component={Home} />
          <Route default component={NotFound} />
        </Router>
      </Boundary>
    </Shell>
  )
}

/** Where an answer that the plan refused sends people. */
function Upgrade() {
  const { route } = useLocation()
  useEffect(() => route('/app/account/usage', true), [])
  return null
}

function Home() {
  const { route } = useLocation()
  useEffect(() => route('/app/chat', true), [])
  return null
}
