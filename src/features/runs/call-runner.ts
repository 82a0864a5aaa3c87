import type { BaseCtx } from '../../http/context.ts'
import { AppError } from '../../http/errors.ts'
import { describeError } from '../../http/log.ts'
import type { Runner } from './runner.ts'

/** What a Runner can be asked for, without the wrapping that the types of a stub put around it. */
type Asked = Pick<
  Runner,
  'start' | 'watch' | 'cancel' | 'abandon' | 'keep' | 'recover' | 'text' | 'waitForTurn' | 'giveBackTurn' | 'writeTitle'
>

/**
 * Calls a Runner; all that it can be asked for may be asked twice, so a call that failed in passing is repeated once.
 * @throws AppError `runner_unavailable`
 */
export async function callRunner<T>(
  { runners, log }: Pick<BaseCtx, 'runners' | 'log'>,
  name: string,
  call: (runner: Asked) => Promise<T> | T,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      // A stub that failed is spent, so each try makes its own.
      return await call(runners.getByName(name) as unknown as Asked)
    } catch (error) {
      const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean }
      if (tries === 1 && retryable && !overloaded) continue
      log('error', 'runner_unavailable', { runner: name, ...describeError(error) })
      throw new AppError('runner_unavailable', undefined, { retryAfterS: 1, cause: error })
    }
  }
}
