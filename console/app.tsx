import { useEffect } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso'
import { me } from './api/session.ts'
import { readMe } from './api/standing.ts'
import { SignIn } from './screens/sign-in.tsx'
import { Confirmation } from './ui/dialog.tsx'
import { Shell } from './ui/shell.tsx'
import { NotFound } from './ui/states.tsx'
import { Toasts } from './ui/toasts.tsx'

// Each screen is loaded when it is first opened.
const Chat = lazy(() => import('./screens/chat/chat.tsx').then(({ Chat }) => Chat))
const Chatbots = lazy(() => import('./screens/chatbots/chatbots.tsx').then(({ Chatbots }) => Chatbots))
const Chatbot = lazy(() => import('./screens/chatbots/chatbot.tsx').then(({ Chatbot }) => Chatbot))
const Admin = lazy(() => import('./screens/admin/admin.tsx').then(({ Admin }) => Admin))
const Account = lazy(() => import('./screens/account/account.tsx').then(({ Account }) => Account))
const Channels = lazy(() => import('./screens/channels/channels.tsx').then(({ Channels }) => Channels))

// Where mails and shared links lead: open to everybody, signed in or not.
const ForgotPassword = lazy(() =>
  import('./screens/account/forgot-password.tsx').then(({ ForgotPassword }) => ForgotPassword),
)
const ResetPassword = lazy(() =>
  import('./screens/account/reset-password.tsx').then(({ ResetPassword }) => ResetPassword),
)
const VerifyEmail = lazy(() => import('./screens/account/verify-email.tsx').then(({ VerifyEmail }) => VerifyEmail))
const Shared = lazy(() => import('./screens/shared/shared.tsx').then(({ Shared }) => Shared))

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
  return me.value ? <SignedIn /> : <SignedOut />
}

const Open = () => (
  <ErrorBoundary onError={(error) => console.error(error)}>
    <Router>
      <Route path="/app/forgot" component={ForgotPassword} />
      <Route path="/app/reset" component={ResetPassword} />
      <Route path="/app/verify" component={VerifyEmail} />
      <Route path="/app/shared/:token" component={Shared} />
    </Router>
  </ErrorBoundary>
)

const SignedOut = () => {
  const { path } = useLocation()
  return <SignIn isNew={path === '/app/register'} />
}

function SignedIn() {
  // What is known of them may be old. Without an answer it is still good enough.
  useEffect(() => void readMe().catch(() => {}), [])
  return (
    <Shell>
      <ErrorBoundary onError={(error) => console.error(error)}>
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
      </ErrorBoundary>
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
