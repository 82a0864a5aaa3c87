import { useLocation } from 'preact-iso'

export type Filters = Record<string, string>

/** Filters that are kept in the address of a screen, under these names; an empty one is none. */
export function useFilters<Name extends string>(path: string, names: readonly Name[]) {
  const { query, route } = useLocation()
  const given = Object.fromEntries(names.filter((name) => query[name]).map((name) => [name, query[name]!])) as {
    [N in Name]?: string
  }
  const change = (changes: { [N in Name]?: string }) => {
    // As it is by now: it may have been drawn with less.
    const search = new URLSearchParams(location.search)
    for (const [name, value] of Object.entries(changes as Filters)) {
      if (value) search.set(name, value)
      else search.delete(name)
    }
    route(search.size > 0 ? `${path}?${search}` : path, true)
  }
  return [given, change] as const
}

type SelectProps = {
  label: string
  value: string | undefined
  options: readonly string[]
  onChange: (value: string) => void
}

/** A filter by one of a few values, or by none. */
export const Select = ({ label, value = '', options, onChange }: SelectProps) => (
  <label>
    <span class="quiet">{label}</span>
    <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
      <option value="">any</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  </label>
)
