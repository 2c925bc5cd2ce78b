"""What a flow is: model, graph, templates, check and formats; pure."""
