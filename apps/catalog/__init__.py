"""Safe data. Over the budget of 2,500 lines because readers of four kinds of files and two ontologies belong here."""
