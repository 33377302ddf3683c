"""Running a chatflow: flowData becomes a graph, the graph becomes steps, one module a node kind."""
