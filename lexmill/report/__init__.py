"""The report of a pipeline: section modules make JSON values of tables, `page` makes one HTML file of them."""
