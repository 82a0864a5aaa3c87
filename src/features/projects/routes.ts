import { createRouter } from '../../http/create-app.ts'
import { authed } from '../../http/guards.ts'
import { IdempotencyHeader, idempotencyOf, replayedHeader } from '../../http/idempotency.ts'
import { body, IdParam, json, noContent, page } from '../../http/openapi.ts'
import { nextPage, PageQuery } from '../../http/pages.ts'
import { NewProject, Project, ProjectChanges } from './schemas.ts'
import * as projects from './service.ts'
import { toProject } from './wire.ts'

const tags = ['projects']

export const projectRoutes = createRouter()

projectRoutes.openapi(
  authed(
    {
      operationId: 'listProjects',
      tags,
      method: 'get',
      path: '/projects',
      summary: 'List my projects, newest first',
      request: { query: PageQuery },
      responses: { 200: page(Project, 'One page of my projects') },
    },
    ['validation_failed'],
  ),
  async (c) => {
    const found = await projects.listProjects(c.var.ctx, c.req.valid('query'))
    return c.json(found.items.map(toProject), 200, nextPage(c, found))
  },
)

projectRoutes.openapi(
  authed(
    {
      operationId: 'createProject',
      tags,
      method: 'post',
      path: '/projects',
      summary: 'Make a project',
      request: { headers: IdempotencyHeader, body: body(NewProject) },
      responses: { 201: json(Project, 'The new project', 'Location', 'Idempotency-Replayed') },
    },
    ['idempotency_key_invalid', 'idempotency_key_reused', 'not_found'],
  ),
  async (c) => {
    const given = c.req.valid('json')
    const { project, replayed } = await projects.createProject(c.var.ctx, given, await idempotencyOf(c, given))
    const location = `/api/v1/projects/${project.id}`
    return c.json(toProject(project), 201, { location, ...replayedHeader(replayed) })
  },
)

projectRoutes.openapi(
  authed(
    {
      operationId: 'getProject',
      tags,
      method: 'get',
      path: '/projects/{id}',
      summary: 'One project, with its newest conversations',
      request: { params: IdParam },
      responses: { 200: json(Project, 'The project') },
    },
    ['not_found'],
  ),
  async (c) => c.json(toProject(await projects.getProject(c.var.ctx, c.req.valid('param').id)), 200),
)

projectRoutes.openapi(
  authed(
    {
      operationId: 'updateProject',
      tags,
      method: 'patch',
      path: '/projects/{id}',
      summary: 'Change a project',
      request: { params: IdParam, body: body(ProjectChanges) },
      responses: { 200: json(Project, 'The project') },
    },
    ['not_found'],
  ),
  async (c) => {
    const { id } = c.req.valid('param')
    return c.json(toProject(await projects.updateProject(c.var.ctx, id, c.req.valid('json'))), 200)
  },
)

projectRoutes.openapi(
  authed(
    {
      operationId: 'deleteProject',
      tags,
      method: 'delete',
      path: '/projects/{id}',
      summary: 'Delete a project with all its conversations',
      request: { params: IdParam },
      responses: { 204: noContent('It is gone') },
    },
    ['not_found', 'run_active', 'runner_unavailable', 'overloaded'],
  ),
  async (c) => {
    await projects.deleteProject(c.var.ctx, c.req.valid('param').id)
    return c.body(null, 204)
  },
)
