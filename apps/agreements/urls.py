from django.urls import path

from apps.agreements.views import agreements, signing, templates

app_name = "agreements"
urlpatterns = [
    path("agreements/", agreements.agreements, name="agreements"),
    path("agreements/new/", agreements.agreement_new, name="agreement_new"),
    path("agreements/new/<uuid:pk>/", agreements.agreement_draft, name="agreement_draft"),
    path("agreements/<uuid:pk>/", agreements.agreement, name="agreement"),
    path("agreements/<uuid:pk>/amend/", agreements.agreement_amend, name="agreement_amend"),
    path("agreements/versions/<uuid:pk>/edit/", agreements.version_edit, name="version_edit"),
    path("agreements/versions/<uuid:pk>/send/", agreements.version_send, name="version_send"),
    path("agreements/versions/<uuid:pk>/recall/", agreements.version_recall, name="version_recall"),
    path("agreements/versions/<uuid:pk>/discard/", agreements.version_discard, name="version_discard"),
    path("agreements/versions/<uuid:pk>/sign/", signing.version_sign, name="version_sign"),
    path("agreements/versions/<uuid:pk>/terminate/", signing.version_terminate, name="version_terminate"),
    path("agreements/versions/<uuid:pk>/pdf/", signing.version_pdf, name="version_pdf"),
    path("agreements/signatures/<uuid:pk>/receipt/", signing.receipt, name="receipt"),
    path("agreements/terms/<uuid:pk>/", signing.terms_accept, name="terms_accept"),
    path("agreements/templates/", templates.templates, name="templates"),
    path("agreements/templates/new/", templates.template_new, name="template_new"),
    path("agreements/templates/<uuid:pk>/", templates.wording, name="wording"),
    path("agreements/templates/<uuid:pk>/edit/", templates.wording_edit, name="wording_edit"),
    path("agreements/templates/<uuid:pk>/next/", templates.wording_new, name="wording_new"),
    path("agreements/templates/<uuid:pk>/publish/", templates.wording_publish, name="wording_publish"),
    path("agreements/templates/<uuid:pk>/retire/", templates.wording_retire, name="wording_retire"),
]
