export { Attachments } from '../../ui/attachments.tsx'
