/** What a panel shows, and the way out of it. */
export const PanelHead = ({ title, onClose }: { title: string; onClose: () => void }) => (
  <header class="panel-head">
    <h2>{title}</h2>
    <button type="button" class="plain" aria-label={`Close ${title.toLowerCase()}`} onClick={onClose}>
      ×
    </button>
  </header>
)
