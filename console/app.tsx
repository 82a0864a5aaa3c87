import { useEffect } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso'
import { me } from './api/session.ts'
import { SignIn } from './screens/sign-in.tsx'
import { Confirmation } from './ui/dialog.tsx'
import { Shell } from './ui/shell.tsx'
import { Empty } from './ui/states.tsx'
import { Toasts } from './ui/toasts.tsx'

// Each screen is loaded when it is first opened.
const Chat = lazy(() => import('./screens/chat/chat.tsx').then(({ Chat }) => Chat))
const Account = lazy(() => import('./screens/account/account.tsx').then(({ Account }) => Account))

export const App = () => (
  <LocationProvider scope="/app">
    {me.value ? <SignedIn /> : <SignedOut />}
    <Confirmation />
    <Toasts />
  </LocationProvider>
)

const SignedOut = () => {
  const { path } = useLocation()
  return <SignIn isNew={path === '/app/register'} />
}

const SignedIn = () => (
  <Shell>
    <ErrorBoundary onError={(error) => console.error(error)}>
      <Router>
        <Route path="/app/chat/:id?" component={Chat} />
        <Route path="/app/account" component={Account} />
        <Route path="/app/sign-in" component={Home} />
        <Route path="/app/register" component={Home} />
        <Route path="/app" component={Home} />
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  </Shell>
)

function Home() {
  const { route } = useLocation()
  useEffect(() => route('/app/chat', true), [])
  return null
}

const NotFound = () => (
  <Empty title="There is no such page">
    <p>
      <a href="/app">Back to the start</a>
    </p>
  </Empty>
)
