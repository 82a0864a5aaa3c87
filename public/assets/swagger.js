SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  persistAuthorization: false,
  // Otherwise it would send the address of the document to validator.swagger.io.
  validatorUrl: 'none',
})
