"""Sign-in: who somebody is, how they proved it, how long that holds. Built on django-allauth."""
